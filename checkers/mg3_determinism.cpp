// MG-3 (spec I.12): the same seed and inputs give the same events. Two runs of one scenario are
// compared event by event; of the first only a hash per event is kept.
#include <string>
#include <vector>

#include "checkers/checker.hpp"
#include "traces/codec.hpp"
#include "traces/digest.hpp"
#include "traces/file.hpp"
#include "traces/text.hpp"

namespace checkers {

namespace {

/// The encoding is relative to the events before, so a hash speaks for all of them as far as it
/// matters: the first that differs is found.
class Hasher {
 public:
  std::uint64_t add(const traces::Event& event) {
    buffer_.clear();
    encoder_.encode(event, count_++, buffer_);
    return traces::hash64_of(buffer_.bytes());
  }
  std::uint64_t count() const { return count_; }

 private:
  traces::EventEncoder encoder_;
  traces::ByteBuffer buffer_;
  std::uint64_t count_ = 0;
};

class First final : public traces::Observer {
 public:
  void on_event(const traces::Event& event) override {
    hashes.push_back(hasher_.add(event));
    last = event.time;
  }
  std::vector<std::uint64_t> hashes;
  traces::Time last{};

 private:
  Hasher hasher_;
};

class Second final : public traces::Observer {
 public:
  explicit Second(const First& first) : first_(first) {}

  void on_event(const traces::Event& event) override {
    if (differs) return;
    names_.learn(event);
    const std::uint64_t position = hasher_.count();
    const std::uint64_t hash = hasher_.add(event);
    if (position < first_.hashes.size() && first_.hashes[position] == hash) return;
    differs = true;
    index = event.index;
    time = event.time;
    place = position;
    text = traces::text_line(event, names_);
  }
  std::uint64_t equal() const { return differs ? place : hasher_.count(); }

  bool differs = false;
  std::uint64_t index = 0;
  std::uint64_t place = 0;
  traces::Time time{};
  std::string text;

 private:
  const First& first_;
  Hasher hasher_;
  traces::NodeNames names_;
};

}  // namespace

struct DeterminismCheck::Impl {
  First first;
  Second second{first};
};

DeterminismCheck::DeterminismCheck() : impl_(std::make_unique<Impl>()) {}
DeterminismCheck::~DeterminismCheck() = default;
traces::Observer& DeterminismCheck::first() { return impl_->first; }
traces::Observer& DeterminismCheck::second() { return impl_->second; }
traces::EventSet DeterminismCheck::events() { return traces::event_types(false); }

Finding DeterminismCheck::conclude() const {
  const First& first = impl_->first;
  const Second& second = impl_->second;
  Finding finding;
  finding.property = "MG-3";
  finding.statement = "the same seed and inputs give the same events";
  finding.measured = std::to_string(second.equal()) + " equal events";
  finding.verdict = Verdict::Holds;
  if (second.differs) {
    finding.verdict = Verdict::Violated;
    finding.event = second.index;
    finding.time = second.time;
    const bool beyond = second.place >= first.hashes.size();
    finding.explanation =
        "the second run's event " + std::to_string(second.place) + " of level 0 " +
        (beyond ? "comes after the first run ended: " : "is not the first run's: ") + second.text;
  } else if (second.equal() < first.hashes.size()) {
    finding.verdict = Verdict::Violated;
    finding.time = first.last;
    finding.explanation = "the second run ends after " + std::to_string(second.equal()) + " of " +
                          std::to_string(first.hashes.size()) + " events";
  } else if (first.hashes.empty()) {
    finding.verdict = Verdict::Unknown;
    finding.explanation = "neither run has an event";
  }
  return finding;
}

}  // namespace checkers
