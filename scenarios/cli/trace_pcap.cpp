// hvsim trace pcap: what passed the network adapters of a stored run, for tshark and Wireshark.
#include <unistd.h>

#include <iostream>
#include <map>
#include <memory>
#include <set>

#include "scenarios/cli/commands.hpp"
#include "scenarios/cli/report.hpp"
#include "scenarios/cli/whole_file.hpp"
#include "scenarios/language/reader.hpp"
#include "traces/file.hpp"
#include "traces/packet_capture.hpp"

namespace cli {

namespace {

struct PcapArguments {
  std::string path;
  std::vector<std::string> nics;
  std::optional<std::string> output;
};

/// The adapters of a run, in the order in which they came up.
class AdapterList final : public traces::PacketCapture {
 public:
  std::vector<traces::CapturedNic> all;

 private:
  void on_nic(const traces::CapturedNic& nic) override { all.push_back(nic); }
  void on_frame(const traces::CapturedNic&, traces::Time, traces::PacketDirection,
                std::span<const std::byte>, std::string_view) override {}
};

/// Their frames, in one file.
class OneFile final : public traces::PacketCapture {
 public:
  OneFile(const std::vector<traces::CapturedNic>& chosen, traces::PcapngWriter& writer)
      : writer_(writer) {
    for (const auto& nic : chosen) interfaces_.emplace(nic.name(), writer.add(interface_of(nic)));
  }

 private:
  void on_nic(const traces::CapturedNic&) override {}
  void on_frame(const traces::CapturedNic& nic, traces::Time time,
                traces::PacketDirection direction, std::span<const std::byte> data,
                std::string_view comment) override {
    const auto interface = interfaces_.find(nic.name());
    if (interface == interfaces_.end()) return;
    writer_.add(traces::PcapngPacket{interface->second, time, direction, data, comment});
  }

  traces::PcapngWriter& writer_;
  std::map<std::string, std::uint32_t> interfaces_;
};

void hand_over(const std::string& path, traces::PacketCapture& capture) {
  traces::TraceReader trace(path);
  const traces::EventSet wanted = traces::PacketCapture::events();
  while (const traces::Event* event = trace.next()) {
    if (wanted.test(static_cast<std::size_t>(event->type))) capture.on_event(*event);
  }
}

/// `web` means all adapters of web, `web.1` the second one; no name means all. Throws UserError.
std::vector<traces::CapturedNic> chosen_of(const std::vector<traces::CapturedNic>& all,
                                           const PcapArguments& arguments) {
  if (all.empty()) {
    throw scenarios::UserError(arguments.path + ": no VM of this run has a network adapter");
  }
  std::vector<std::string> known;
  for (const auto& nic : all) known.push_back(nic.name());
  std::set<std::string> names;
  for (const std::string& wanted : arguments.nics) {
    bool found = false;
    for (const auto& nic : all) {
      if (nic.vm != wanted && nic.name() != wanted) continue;
      names.insert(nic.name());
      found = true;
    }
    if (!found) {
      throw scenarios::UserError("--nic " + wanted + ": the run has no such adapter" +
                                 scenarios::suggestion(wanted, known));
    }
  }
  std::vector<traces::CapturedNic> chosen;
  for (const auto& nic : all) {
    if (names.empty() || names.count(nic.name()) != 0) chosen.push_back(nic);
  }
  return chosen;
}

int pcap(const PcapArguments& arguments) {
  if (arguments.output) {
    require_place("--output", *arguments.output);
  } else if (isatty(STDOUT_FILENO) != 0) {
    throw scenarios::UserError("pcapng is not for terminals; give --output FILE or a pipe");
  }
  AdapterList adapters;
  hand_over(arguments.path, adapters);  // to its end: nothing is written of a damaged trace
  if (!traces::TraceReader(arguments.path).header().detail) {
    throw scenarios::UserError(arguments.path +
                               ": has no frames; a run without --no-detail records them");
  }
  const auto chosen = chosen_of(adapters.all, arguments);
  std::unique_ptr<WholeFile> file;
  if (arguments.output) file = std::make_unique<WholeFile>("--output", *arguments.output);
  traces::PcapngWriter writer(
      [&file](std::span<const std::byte> block) {
        if (file != nullptr) {
          file->append(block);
        } else {
          std::cout.write(reinterpret_cast<const char*>(block.data()),
                          static_cast<std::streamsize>(block.size()));
        }
      },
      "hvsim");
  OneFile frames(chosen, writer);
  hand_over(arguments.path, frames);
  if (file != nullptr) file->finish();
  return kAllHold;
}

}  // namespace

void add_trace_pcap(Command trace) {
  auto arguments = std::make_shared<PcapArguments>();
  Command command = trace.command("pcap", "frames at network adapters, as pcapng");
  command.argument("TRACE", arguments->path, "trace file")
      .option("--nic", arguments->nics, "VM or VM.N, such as web.0; all when none is given")
      .option("--output", arguments->output, "write to this file, not to stdout");
  command.does([arguments] { return pcap(*arguments); });
}

}  // namespace cli
