// Writes a sound trace that tells something else than the run it came from: another header over
// the same events. The project's own writer counts, hashes and seals it, so no reader finds damage.
//
//   reseal IN OUT [build ID] [seed N] [no-plants] [line TEXT]
//
// `line` also changes what the guests said, in the events themselves.
#include <cstdio>
#include <string>

#include "traces/file.hpp"
#include "traces/record.hpp"

namespace {

/// Hands events on to a recorder, which gives them to the writer.
class Copy final : public traces::Observer {
 public:
  Copy(traces::Recorder& out, std::string line) : out_(out), line_(std::move(line)) {}
  void on_event(const traces::Event& event) override {
    const auto* log = event.as<traces::ev::GuestLog>();
    if (log == nullptr || line_.empty()) return out_.emit(event);
    traces::ev::GuestLog changed = *log;
    changed.line = line_;
    out_.emit(event.time, event.node, changed);
  }

 private:
  traces::Recorder& out_;
  std::string line_;
};

int reseal(int argc, char** argv) {
  traces::TraceReader in(argv[1]);
  traces::TraceHeader header = in.header();
  std::string line;
  for (int i = 3; i < argc; ++i) {
    const std::string what = argv[i];
    if (what == "no-plants") {
      header.plants.clear();
      continue;
    }
    if (++i == argc) return 2;
    const std::string value = argv[i];
    if (what == "build") header.build_id = value;
    if (what == "seed") header.seed = std::stoull(value);
    if (what == "line") line = value;
  }
  traces::Recorder recorder;
  recorder.set_detail(header.detail);
  traces::TraceWriter writer(argv[2], header);
  recorder.attach(writer, writer.types());
  Copy copy(recorder, line);
  in.read_all(copy);
  writer.finish(recorder);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  try {
    return reseal(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
