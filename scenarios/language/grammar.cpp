#include "scenarios/language/grammar.hpp"

#include "checkers/checker.hpp"
#include "fault-injection/catalogue.hpp"
#include "hypervisor/management/installation.hpp"

namespace scenarios {

const Rows& host_rows() {
  static const Rows rows{
      {"memory", Shape::Size, "memory for VMs, a multiple of 4KiB, at most 4TiB"}};
  return rows;
}

const Rows& network_rows() {
  static const Rows rows{
      {"hosts", Shape::Names, "hosts that are on it", true},
      {"bandwidth", Shape::Rate, "of each host's link"},
      {"latency", Shape::Duration, "one way, from host to host"},
      {"loss", Shape::Percent, "of segments, each drawn on its own"},
  };
  return rows;
}

const Rows& storage_rows() {
  static const Rows rows{{"size", Shape::Size, "capacity of the shared disk"}};
  return rows;
}

const Rows& guest_rows() {
  static const Rows rows{
      {"program", Shape::Name, "real x86-64 code; `hvsim list guests` shows it"},
      {"model", Shape::Name, "a guest without instructions: dirtying or worker"},
      {"kernel", Shape::Text,
       "a kernel, Linux or multiboot: file beside the scenario, or in the image folder"},
      {"initrd", Shape::Text, "its initial RAM disk or module, found in the same way"},
      {"command-line", Shape::Text, "what the kernel is told"},
      {"working-set", Shape::Size, "memory that it keeps writing, a multiple of 4KiB"},
      {"dirty-rate", Shape::Count, "pages written per millisecond of guest time; 0: none"},
      {"disk-interval", Shape::Duration, "guest time between two writes, whole microseconds"},
      {"blocks-per-write", Shape::Count, "512-byte blocks per write, 1 to 64"},
      {"flush-every", Shape::Count, "writes between two flushes"},
      {"frame-interval", Shape::Duration, "guest time between two frames, whole microseconds"},
      {"stop-after", Shape::Duration, "guest time after which it ends itself, whole microseconds"},
  };
  return rows;
}

const Rows& boot_once_rows() {
  static const Rows rows{
      {"until", Shape::Text, "saved when its guest says a line with this in it", true},
      {"within", Shape::Duration, "virtual time that it has for that"},
  };
  return rows;
}

const Rows& vm_rows() {
  static const Rows rows{
      {"host", Shape::Name, "where it starts", true},
      {"memory", Shape::Size, "its RAM, a multiple of 4KiB, at most 1TiB"},
      {"guest", Shape::Record, "what runs in it", true, &guest_rows()},
      {"disks", Shape::Names, "shared disks in LUN order"},
      {"nics", Shape::Names, "networks that it has an adapter on, one each, 8 at most"},
      {"integration-services", Shape::Names,
       "besides the heartbeat: time-synchronization, shutdown, key-value-pair-exchange, vss; a "
       "Linux VM has all of them"},
      {"speed", Shape::Count, "instructions per microsecond of virtual time"},
      {"heartbeat", Shape::Duration, "interval of the heartbeat service"},
      {"boot-once", Shape::Record, "it begins with a saved state, docs/saved-state.md", false,
       &boot_once_rows()},
  };
  return rows;
}

const Rows& migration_rows() {
  static const Rows rows{
      {"network", Shape::Name, "the network that live migrations use; any, when it is not said"},
      {"round-limit", Shape::Count, "pre-copy passes at most, 1 to 100"},
      {"threshold", Shape::Count, "dirty pages at which pre-copy stops"},
      {"connect-timeout", Shape::Duration, "for reaching the target"},
      {"patience", Shape::Duration, "for a message that nobody acknowledges"},
      {"answer-timeout", Shape::Duration, "for an answer that the target owes"},
      {"query-interval", Shape::Duration, "in doubt: how often the target is asked"},
      {"idle-timeout", Shape::Duration, "silence after which a target gives up"},
  };
  return rows;
}

const Rows& step_rows() {
  static const Rows rows = [] {
    Rows all{{"at", Shape::Duration, "virtual time since the world began", true},
             {"to", Shape::Name, "move-vm: the target host"},
             {"disk", Shape::Name, "add-disk, remove-disk: the shared disk"},
             {"key", Shape::Text, "of a key-value pair"},
             {"value", Shape::Text, "set-key-value: what the key shall have"}};
    for (const auto& verb : management::verbs()) {
      // new-vm and hold-vm are the runner's own: VMs exist from the start, twins are made by it.
      const bool users =
          verb.verb != management::Verb::NewVm && verb.verb != management::Verb::HoldVm;
      if (users) all.push_back({verb.name, Shape::Name, verb.what});
    }
    return all;
  }();
  return rows;
}

const Rows& fault_rows() {
  static const Rows rows = [] {
    Rows all{{"at", Shape::Duration, "virtual time since the world began"},
             {"when", Shape::Fields, "the first event with these fields; `event` names it"},
             {"after", Shape::Duration, "how long after that event"},
             {"earliest", Shape::Duration, "an event before this instant is not the one"},
             {"latest", Shape::Duration, "an event after which the strike would come later is not"},
             {"from", Shape::Name, "one-way faults: the host whose frames are hit"},
             {"to", Shape::Name, "faults between two hosts: the other one, beside `from`"},
             {"by", Shape::Quantity, "how much, in the fault's own unit"},
             {"lasts", Shape::Duration, "then the fault is taken back"}};
    for (const auto& fault : faults::catalogue()) {
      all.push_back({fault.name, Shape::Name, fault.what});
    }
    return all;
  }();
  return rows;
}

const Rows& vary_rows() {
  static const Rows rows{
      {"value", Shape::Text,
       "path of the value, as --set takes it: vms.web.memory; no entries of lists, nor what a "
       "fault waits for",
       true},
      {"choice", Shape::Scalars, "one of these, each as likely as the others"},
      {"range", Shape::Scalars, "the lowest and the highest value, all between as likely"},
      {"log-range", Shape::Scalars, "the same, evenly over the logarithm"},
  };
  return rows;
}

const Rows& budget_rows() {
  static const Rows rows{
      {"faults", Shape::Count, "strikes per run at most; 0: none are planned", true},
      {"hosts-down", Shape::Count, "hosts that are dead or paused at one time"},
      {"of", Shape::Names, "classes of faults: network, storage, host, guest, operator"},
      {"without", Shape::Names, "faults that are not planned"},
      {"with", Shape::Names, "destructive faults that are planned too"},
      {"from", Shape::Duration, "no fault strikes before"},
      {"until", Shape::Duration, "faults are over and healed; then liveness is judged", true},
  };
  return rows;
}

const Rows& buggify_rows() {
  static const Rows rows{
      {"point", Shape::Point, "the invited trouble; `hvsim list buggify` shows them", true},
      {"chance", Shape::Percent, "for each operation", true},
  };
  return rows;
}

const Rows& decision_rows() {
  static const Rows rows{
      {"stream", Shape::Point, "kind of random choice, e.g. net.loss", true},
      {"operation", Shape::Numbers, "which one, as decision.taken shows it", true},
  };
  return rows;
}

const Rows& pattern_rows() {
  static const Rows rows{
      {"event", Shape::Event, "name of the event, docs/events.md", true},
      {"where", Shape::Text, "condition on its fields, docs/properties.md"},
      {"as", Shape::Name, "what later conditions call it: NAME.time, NAME.field"},
  };
  return rows;
}

const std::vector<std::string>& expect_companions() {
  static const std::vector<std::string> keys{"vm",  "name",  "of",    "between",
                                             "and", "after", "within"};
  return keys;
}

const Rows& expect_rows() {
  static const Rows rows = [] {
    Rows all{
        {"vm", Shape::Name, "the VM that it is about"},
        {"name", Shape::Text, "of a pattern, in reports"},
        {"never", Shape::Record, "no event matches", false, &pattern_rows()},
        {"always", Shape::Record, "every such event satisfies its `where`", false, &pattern_rows()},
        {"eventually", Shape::Record, "there is such an event, after every `after`", false,
         &pattern_rows()},
        {"at-most", Shape::Count, "so many events `of`, in the run or `between` .. `and`"},
        {"ordered", Shape::Sequence, "these events happen in this order", false, &pattern_rows()},
        {"of", Shape::Record, "at-most: the events that are counted", false, &pattern_rows()},
        {"between", Shape::Record, "at-most: counting begins anew here", false, &pattern_rows()},
        {"and", Shape::Record, "at-most: and ends here", false, &pattern_rows()},
        {"after", Shape::Record, "never, always, eventually: holds from such an event on", false,
         &pattern_rows()},
        {"within", Shape::Duration, "eventually: the deadline; never: for how long"},
        {"twin-equal", Shape::True,
         "memory, processors and disks equal those of the twin that never migrated"}};
    for (const auto& expectation : checkers::expectations()) {
      Shape shape = Shape::True;
      switch (expectation.value) {
        case checkers::ExpectedValue::Count:
          shape = Shape::Count;
          break;
        case checkers::ExpectedValue::Duration:
          shape = Shape::Duration;
          break;
        case checkers::ExpectedValue::Host:
          shape = Shape::Name;
          break;
        case checkers::ExpectedValue::True:
          shape = Shape::True;
          break;
      }
      all.push_back({expectation.name, shape, expectation.statement});
    }
    return all;
  }();
  return rows;
}

const Rows& scenario_rows() {
  static const Rows rows{
      {"scenario", Shape::Name, "its name", true},
      {"description", Shape::Text, "what it shows"},
      {"platform", Shape::Name,
       "what the hosts are, by their newest VMBus: ws2008 (0.13), ws2008r2 (1.1), ws2012 (2.4), "
       "current (5.3)"},
      {"seed", Shape::Count, "default seed"},
      {"end", Shape::Duration, "virtual time at which the world ends", true},
      {"hosts", Shape::Mapping, "Hyper-V hosts", true, &host_rows()},
      {"networks", Shape::Mapping, "networks between hosts", false, &network_rows()},
      {"storage", Shape::Mapping, "shared disks", false, &storage_rows()},
      {"vms", Shape::Mapping, "virtual machines", true, &vm_rows()},
      {"migration", Shape::Record, "live migration settings", false, &migration_rows()},
      {"timeline", Shape::Sequence, "management verbs", false, &step_rows()},
      {"faults", Shape::Sequence, "faults", false, &fault_rows()},
      {"budget", Shape::Record, "faults within which the scenario's promises hold", false,
       &budget_rows()},
      {"buggify", Shape::Sequence, "trouble that the specification allows, invited", false,
       &buggify_rows()},
      {"decisions", Shape::Sequence, "exactly these random choices come out as: it happens", false,
       &decision_rows()},
      {"vary", Shape::Sequence, "values that every explored seed draws anew", false, &vary_rows()},
      {"expect", Shape::Sequence, "what must hold besides the built-in checkers", false,
       &expect_rows()},
  };
  return rows;
}

const char* pattern_of(Shape shape) {
  switch (shape) {
    case Shape::Name:
      return "^[A-Za-z][A-Za-z0-9_-]{0,62}$";
    case Shape::Point:
      return "^[a-z][a-z0-9]*([.-][a-z0-9]+)*$";
    case Shape::Count:
      return "^(0|[1-9][0-9]{0,17})$";
    case Shape::Size:
      return "^[0-9]+(\\.[0-9]+)?(B|KiB|MiB|GiB|TiB)$";
    case Shape::Rate:
      return "^[0-9]+(\\.[0-9]+)?(bit|kbit|Mbit|Gbit)/s$";
    case Shape::Duration:
      return "^[0-9]+(\\.[0-9]+)?(ns|us|ms|s|min|h)$";
    case Shape::Percent:
      return "^[0-9]+(\\.[0-9]+)?%$";
    default:
      return "";
  }
}

const char* example_of(Shape shape) {
  switch (shape) {
    case Shape::Text:
      return "text";
    case Shape::Name:
      return "a name such as web-1";
    case Shape::Point:
      return "a dotted name such as net.loss";
    case Shape::Event:
      return "the name of an event such as migration.finished";
    case Shape::Quantity:
      return "a percentage, duration, rate, size or whole number";
    case Shape::Scalars:
      return "a list of values such as [64MiB, 128MiB]";
    case Shape::Numbers:
      return "a list of whole numbers, four at most, such as [3, 17, 0, 2]";
    case Shape::Names:
      return "a list of names such as [alpha, beta]";
    case Shape::Count:
      return "a whole number such as 10";
    case Shape::Size:
      return "a size such as 64MiB";
    case Shape::Rate:
      return "a rate such as 10Gbit/s";
    case Shape::Duration:
      return "a duration such as 500ms";
    case Shape::Percent:
      return "a percentage such as 0.5%";
    case Shape::True:
      return "true";
    case Shape::Record:
      return "a mapping";
    case Shape::Mapping:
      return "a mapping of names to mappings";
    case Shape::Sequence:
      return "a list of mappings";
    case Shape::Fields:
      return "a mapping such as {event: migration.phase, phase: precopy}";
  }
  return "";
}

}  // namespace scenarios
