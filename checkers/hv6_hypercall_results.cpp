// HV-6 (spec I.1, B.3): a rep hypercall executes its elements in order and each once, over all its
// continuations; it ends with the number of those that are done, counted from the first of the
// list, and with success only when all are. After an element that fails none is executed.
#include <map>
#include <string>
#include <tuple>

#include "checkers/makers.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

struct ControlWord {
  explicit ControlWord(std::uint64_t word)
      : code(static_cast<std::uint16_t>(word)),
        count(static_cast<std::uint16_t>(word >> 32 & 0xFFF)),
        start(static_cast<std::uint16_t>(word >> 48 & 0xFFF)) {}
  std::uint16_t code;
  std::uint16_t count;
  std::uint16_t start;
};

/// What one visit to the hypervisor did.
struct Executed {
  std::uint32_t elements = 0;
  std::uint32_t done = 0;
  std::uint16_t first = 0;
  std::uint16_t failure = 0;  // status of the element that failed
};

class HypercallResults final : public Property {
 public:
  HypercallResults()
      : Property(
            "HV-6", "rep hypercalls do each element once and say how many are done",
            {ev::HypercallElement::kType, ev::HypercallReturned::kType, ev::NodeKilled::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* element = event.as<ev::HypercallElement>()) {
      execute(event, *element);
    } else if (const auto* returned = event.as<ev::HypercallReturned>()) {
      const auto found = open_.find({event.node.value, returned->partition, returned->vp});
      ++calls_;
      judge(event, *returned, found == open_.end() ? Executed{} : found->second);
      if (found != open_.end()) open_.erase(found);
    } else if (event.as<ev::NodeKilled>() != nullptr) {
      open_.erase(open_.lower_bound({event.node.value, 0, 0}),
                  open_.lower_bound({event.node.value + 1, 0, 0}));
    }
  }

 private:
  static std::string call_name(std::uint16_t code) { return "hypercall " + std::to_string(code); }

  void execute(const traces::Event& event, const ev::HypercallElement& element) {
    Executed& visit = open_[{event.node.value, element.partition, element.vp}];
    ++elements_;
    const std::string what =
        call_name(element.code) + " executes element " + std::to_string(element.element);
    if (visit.elements == 0) visit.first = element.element;
    if (visit.failure != 0) {
      violate(event, what + " after one that failed");
    } else if (element.element != visit.first + visit.elements) {
      violate(event, what + " out of order");
    }
    ++visit.elements;
    if (element.status == 0) {
      ++visit.done;
    } else {
      visit.failure = element.status;
    }
  }

  void judge(const traces::Event& event, const ev::HypercallReturned& returned,
             const Executed& visit) {
    const ControlWord asked(returned.control);
    const std::string name = call_name(asked.code);
    if (visit.elements > 0 && visit.first != asked.start) {
      violate(event, name + " begins with element " + std::to_string(visit.first) + " instead of " +
                         std::to_string(asked.start));
    }
    const std::uint32_t after = asked.start + visit.done;
    if (returned.continued) {
      ++continued_;
      const ControlWord next(returned.next);
      if (visit.failure != 0 || after >= asked.count) {
        violate(event, name + " is continued though it is over");
      } else if (next.start != after || next.count != asked.count || next.code != asked.code) {
        violate(event, name + " is continued with element " + std::to_string(next.start) +
                           " instead of " + std::to_string(after));
      }
      return;
    }
    result(event, asked, visit, after, returned.result);
  }

  void result(const traces::Event& event, const ControlWord& asked, const Executed& visit,
              std::uint32_t after, std::uint64_t word) {
    const auto status = static_cast<std::uint16_t>(word);
    const auto reps = static_cast<std::uint32_t>(word >> 32 & 0xFFF);
    const std::string name = call_name(asked.code) + " with status " + std::to_string(status);
    if (status == 0 && reps != asked.count) {
      violate(event, name + " says that " + std::to_string(reps) + " of " +
                         std::to_string(asked.count) + " elements are done");
    } else if (visit.elements == 0) {
      // A call that was refused before its first element says so with nothing or with its start.
      const bool all_before = reps == asked.start || reps == 0;
      if (status != 0 && !all_before)
        violate(event, name + " has done elements it did not execute");
      if (status == 0 && asked.count != 0) violate(event, name + " has executed no element");
    } else if (reps != after) {
      violate(event, name + " says that elements up to " + std::to_string(reps) +
                         " are done, which are done up to " + std::to_string(after));
    } else if (visit.failure != status) {
      violate(event, name + " ends an element's status " + std::to_string(visit.failure));
    }
  }

  std::string measured() const override {
    return std::to_string(calls_) + " calls, " + std::to_string(continued_) + " continued, " +
           std::to_string(elements_) + " elements";
  }
  bool needs_detail() const override { return true; }

  std::map<std::tuple<std::uint32_t, std::uint64_t, std::uint32_t>, Executed> open_;
  std::uint64_t calls_ = 0;
  std::uint64_t continued_ = 0;
  std::uint64_t elements_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_hv6() { return std::make_unique<HypercallResults>(); }

}  // namespace checkers
