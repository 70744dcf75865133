#include "scenarios/language/parser.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "checkers/checker.hpp"
#include "fault-injection/catalogue.hpp"
#include "hypervisor/management/installation.hpp"
#include "scenarios/guests/images.hpp"
#include "scenarios/language/gate.hpp"
#include "scenarios/language/grammar.hpp"
#include "scenarios/language/overrides.hpp"
#include "scenarios/language/reader.hpp"
#include "sim/memory/address.hpp"
#include "traces/reflection.hpp"

namespace scenarios {

namespace {

constexpr std::size_t kMaxDisks = 64;
constexpr std::size_t kMaxEntries = 4096;  // hosts, VMs, steps... each

class Parser {
 public:
  Parser(std::string file, std::string text, const Record& root) : root_(root) {
    result_.file = std::move(file);
    result_.text = std::move(text);
  }

  Scenario parse() {
    root_.name("scenario", result_.name);
    root_.text("description", result_.description);
    root_.name("platform", result_.platform);
    if (result_.platform != "ws2012") {
      root_.get("platform").fail("platform `" + result_.platform + "` is unknown, known: ws2012");
    }
    root_.count("seed", result_.seed, 0, 999'999'999'999'999'999ULL);
    sim::Duration end{};
    root_.duration("end", end);
    if (end.ns <= 0) root_.get("end").fail("the world must last longer than 0");
    result_.end = sim::Time{} + end;
    hosts();
    networks();
    storage();
    vms();
    if (const auto record = root_.record("migration")) migration(*record);
    for (const Record& step : root_.sequence("timeline")) timeline(step);
    for (const Record& fault : root_.sequence("faults")) faults(fault);
    for (const Record& item : root_.sequence("expect")) expect(item);
    return std::move(result_);
  }

 private:
  template <class Spec>
  static std::vector<std::string> names_of(const std::vector<Spec>& specs) {
    std::vector<std::string> names;
    for (const Spec& spec : specs) names.push_back(spec.name);
    return names;
  }

  /// A name that must be one of `known`.
  template <class Spec>
  void reference(const Value& value, const std::string& name, const char* kind,
                 const std::vector<Spec>& specs) const {
    const auto known = names_of(specs);
    if (std::find(known.begin(), known.end(), name) != known.end()) return;
    value.fail("there is no " + std::string(kind) + " `" + name + "`" + suggestion(name, known));
  }

  void limit(const char* key, std::size_t count) const {
    if (count > kMaxEntries) {
      root_.get(key).fail("too many entries: " + std::to_string(count) + ", at most " +
                          std::to_string(kMaxEntries));
    }
  }

  void hosts() {
    const auto records = root_.mapping("hosts");
    limit("hosts", records.size());
    if (records.empty()) root_.get("hosts").fail("a scenario needs at least one host");
    for (const auto& [name, record] : records) {
      HostSpec host;
      host.name = name;
      record.size("memory", host.memory_bytes);
      result_.hosts.push_back(host);
    }
  }

  void networks() {
    const auto records = root_.mapping("networks");
    limit("networks", records.size());
    for (const auto& [name, record] : records) {
      NetworkSpec network;
      network.name = name;
      record.names("hosts", network.hosts);
      for (const std::string& host : network.hosts) {
        reference(record.get("hosts"), host, "host", result_.hosts);
      }
      record.rate("bandwidth", network.bits_per_second);
      record.duration("latency", network.latency);
      record.percent("loss", network.loss);
      if (network.loss.numerator == network.loss.denominator) {
        record.get("loss").fail("a network that loses everything is a cut link; use cut-link");
      }
      result_.networks.push_back(network);
    }
  }

  void storage() {
    const auto records = root_.mapping("storage");
    limit("storage", records.size());
    for (const auto& [name, record] : records) {
      StorageSpec disk;
      disk.name = name;
      record.size("size", disk.bytes);
      if (disk.bytes < (1ULL << 20) || disk.bytes % 4096 != 0) {
        record.get("size").fail("a disk is a multiple of 4KiB and at least 1MiB");
      }
      result_.storage.push_back(disk);
    }
  }

  void vms() {
    const auto records = root_.mapping("vms");
    limit("vms", records.size());
    for (const auto& [name, record] : records) {
      VmSpec vm;
      vm.name = name;
      record.name("host", vm.host);
      reference(record.get("host"), vm.host, "host", result_.hosts);
      record.size("memory", vm.memory_bytes);
      const bool page_multiple = vm.memory_bytes % sim::kPageSize == 0;
      if (!page_multiple || vm.memory_bytes < (1ULL << 20)) {
        record.get("memory").fail("memory is a multiple of 4KiB and at least 1MiB");
      }
      room(record, vm);
      record.names("disks", vm.disks);
      if (vm.disks.size() > kMaxDisks) {
        record.get("disks").fail("a SCSI controller serves at most 64 disks");
      }
      for (const std::string& disk : vm.disks) {
        reference(record.get("disks"), disk, "storage", result_.storage);
        sole_user(record, vm, disk);
      }
      record.count("speed", vm.instructions_per_us, 1, 100'000);
      record.duration("heartbeat", vm.heartbeat);
      if (vm.heartbeat.ns < 1'000'000) record.get("heartbeat").fail("at least 1ms");
      guest(*record.record("guest"), vm);
      result_.vms.push_back(vm);
    }
  }

  void room(const Record& record, const VmSpec& vm) const {
    for (const HostSpec& host : result_.hosts) {
      if (host.name != vm.host) continue;
      std::uint64_t used = 0;
      for (const VmSpec& other : result_.vms) {
        if (other.host == vm.host) used += other.memory_bytes;
      }
      if (vm.memory_bytes <= host.memory_bytes - std::min(used, host.memory_bytes)) return;
      const Value where = record.has("memory") ? record.get("memory") : record.get("host");
      where.fail("VM `" + vm.name + "` does not fit on host `" + host.name +
                 "`: " + std::to_string(vm.memory_bytes >> 20) + " MiB wanted, " +
                 std::to_string((host.memory_bytes - std::min(used, host.memory_bytes)) >> 20) +
                 " MiB free");
    }
  }

  void sole_user(const Record& record, const VmSpec& vm, const std::string& disk) const {
    for (const VmSpec& other : result_.vms) {
      if (std::find(other.disks.begin(), other.disks.end(), disk) != other.disks.end()) {
        record.get("disks").fail("disk `" + disk + "` belongs to VM `" + other.name +
                                 "`; a disk has one VM (this is `" + vm.name + "`)");
      }
    }
  }

  void guest(const Record& record, VmSpec& vm) {
    GuestSpec& guest = vm.guest;
    if (record.has("program") == record.has("model")) {
      record.fail("a guest is either a `program` or a `model`");
    }
    record.name("program", guest.program);
    record.name("model", guest.model);
    known_guest(record, record.has("model") ? "model" : "program");
    const guests::ImageInfo* image = guests::find_image(guest.program);
    // What a program's image, or a model's rings and buffers, have below the working set.
    const bool has_own_pages = guest.model != "dirtying";
    const std::uint64_t least = !has_own_pages         ? 0
                                : guest.model.empty() ? image->ram_pages
                                                      : 2 * GUEST_IMAGE_END_PAGE;
    if (vm.memory_bytes / sim::kPageSize < least) {
      record.fail("guest `" + (guest.model.empty() ? guest.program : guest.model) +
                  "` needs at least " + std::to_string(least * sim::kPageSize >> 20) +
                  "MiB of memory");
    }
    record.size("working-set", guest.working_set_bytes);
    const std::uint64_t image_bytes = has_own_pages ? GUEST_IMAGE_END_PAGE * sim::kPageSize : 0;
    const std::uint64_t room = vm.memory_bytes - std::min(image_bytes, vm.memory_bytes);
    if (guest.working_set_bytes > room) {
      record.get("working-set")
          .fail("the working set does not fit: at most " + std::to_string(room >> 20) +
                "MiB with this memory");
    }
    record.count("dirty-rate", guest.dirty_pages_per_ms, 0, 1'000'000);
    record.duration("disk-interval", guest.disk_interval);
    record.count("blocks-per-write", guest.blocks_per_write, 1, 64);
    record.count("flush-every", guest.flush_every, 1, 1'000'000);
    record.duration("stop-after", guest.stop_after);
  }

  void known_guest(const Record& record, const char* key) const {
    static const std::vector<std::string> programs = [] {
      std::vector<std::string> names;
      for (const auto& image : guests::images()) names.emplace_back(image.name);
      return names;
    }();
    static const std::vector<std::string> models{"dirtying", "worker"};
    const auto& known = std::string(key) == "model" ? models : programs;
    std::string name;
    record.name(key, name);
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      record.get(key).fail("there is no guest " + std::string(key) + " `" + name + "`" +
                           suggestion(name, known));
    }
  }

  void migration(const Record& record) {
    std::uint64_t limit = result_.migration.round_limit;
    record.count("round-limit", limit, 1, 100);
    result_.migration.round_limit = static_cast<std::uint32_t>(limit);
    record.count("threshold", result_.migration.threshold_pages, 0, 1ULL << 40);
    patience(record, "connect-timeout", result_.migration.connect_timeout);
    patience(record, "patience", result_.migration.patience);
    patience(record, "answer-timeout", result_.migration.answer_timeout);
    patience(record, "query-interval", result_.migration.query_interval);
    patience(record, "idle-timeout", result_.migration.idle_timeout);
  }

  static void patience(const Record& record, const char* key, sim::Duration& out) {
    record.duration(key, out);
    if (out.ns < 1'000'000) record.get(key).fail("at least 1ms");
  }

  /// The one key of a record that is not a common one: a verb, a fault or an expectation.
  std::string only_action(const Record& record, const Rows& rows,
                          const std::vector<std::string>& common, const char* kind) const {
    std::string action;
    for (const Row& row : rows) {
      const bool is_common = std::find(common.begin(), common.end(), row.key) != common.end();
      if (is_common || !record.has(row.key)) continue;
      if (!action.empty()) {
        record.fail("two " + std::string(kind) + "s in one entry: `" + action + "` and `" +
                    row.key + "`");
      }
      action = row.key;
    }
    if (action.empty()) {
      std::vector<std::string> known;
      for (const Row& row : rows) {
        if (std::find(common.begin(), common.end(), row.key) == common.end()) {
          known.push_back(row.key);
        }
      }
      record.fail("an entry names one " + std::string(kind) + suggestion("", known));
    }
    return action;
  }

  void timeline(const Record& record) {
    Step step;
    step.place = record.place();
    sim::Duration at{};
    record.duration("at", at);
    step.at = sim::Time{} + at;
    if (step.at >= result_.end) record.get("at").fail("the world has ended by then (`end`)");
    step.verb = only_action(record, step_rows(), {"at", "to"}, "verb");
    record.name(step.verb, step.vm);
    reference(record.get(step.verb), step.vm, "VM", result_.vms);
    if (step.verb == "move-vm" && !record.has("to")) {
      record.fail("move-vm needs `to`, the target host");
    }
    if (record.has("to")) {
      if (step.verb != "move-vm") record.get("to").fail("only move-vm takes `to`");
      record.name("to", step.host);
      reference(record.get("to"), step.host, "host", result_.hosts);
    }
    result_.timeline.push_back(step);
    limit("timeline", result_.timeline.size());
  }

  void faults(const Record& record) {
    FaultSpec fault;
    fault.place = record.place();
    fault.fault =
        only_action(record, fault_rows(), {"at", "when", "after", "from", "lasts"}, "fault");
    const faults::Fault& known = *::faults::find(fault.fault);
    record.name(fault.fault, fault.target);
    const Value target = record.get(fault.fault);
    switch (known.target) {
      case ::faults::Target::Host:
        reference(target, fault.target, "host", result_.hosts);
        break;
      case ::faults::Target::Network:
        reference(target, fault.target, "network", result_.networks);
        break;
      case ::faults::Target::Storage:
        reference(target, fault.target, "storage", result_.storage);
        break;
      case ::faults::Target::Vm:
        reference(target, fault.target, "VM", result_.vms);
        break;
    }
    one_way(record, known, fault);
    trigger(record, fault.trigger);
    if (record.has("lasts")) {
      sim::Duration lasts{};
      record.duration("lasts", lasts);
      if (!known.reversible) record.get("lasts").fail("this fault cannot be taken back");
      fault.lasts = lasts;
    }
    result_.faults.push_back(fault);
    limit("faults", result_.faults.size());
  }

  void one_way(const Record& record, const ::faults::Fault& known, FaultSpec& fault) const {
    if (!record.has("from")) return;
    record.name("from", fault.from);
    const Value from = record.get("from");
    if (!known.one_way) from.fail("`" + fault.fault + "` takes no `from`");
    for (const NetworkSpec& network : result_.networks) {
      if (network.name != fault.target) continue;
      if (std::find(network.hosts.begin(), network.hosts.end(), fault.from) ==
          network.hosts.end()) {
        from.fail("host `" + fault.from + "` is not on network `" + network.name + "`" +
                  suggestion(fault.from, network.hosts));
      }
    }
  }

  void trigger(const Record& record, ::faults::Trigger& trigger) const {
    if (record.has("at") == record.has("when")) {
      record.fail("a fault strikes either `at` an instant or `when` an event happens");
    }
    if (record.has("at")) {
      sim::Duration at{};
      record.duration("at", at);
      trigger.at = sim::Time{} + at;
      if (*trigger.at >= result_.end) record.get("at").fail("the world has ended by then (`end`)");
      if (record.has("after")) record.get("after").fail("`after` belongs to `when`");
      return;
    }
    record.duration("after", trigger.after);
    for (auto& [key, content] : record.fields("when")) {
      if (key == "event") {
        trigger.event = content;
      } else {
        trigger.fields.emplace_back(key, content);
      }
    }
    event_fields(record.get("when"), trigger);
  }

  void event_fields(const Value& where, const ::faults::Trigger& trigger) const {
    const traces::EventInfo* info = traces::find_event(trigger.event);
    if (info == nullptr) {
      std::vector<std::string> known;
      for (const traces::EventInfo& event : traces::all_events()) known.emplace_back(event.name);
      const std::string near = nearest(trigger.event, known);
      where.fail("there is no event `" + trigger.event + "`" +
                 (near.empty() ? "; docs/events.md lists them" : ", did you mean `" + near + "`?"));
    }
    if (info->level != 0) {
      where.fail("event `" + trigger.event +
                 "` is detail that may be off; a fault cannot wait for it");
    }
    for (const auto& [name, value] : trigger.fields) {
      if (name == "node") {
        reference(where, value, "host", result_.hosts);
        continue;
      }
      if (const traces::FieldInfo* field = info->find(name)) {
        enum_value(where, *field, value);
        continue;
      }
      std::vector<std::string> known{"node"};
      for (const traces::FieldInfo& field : info->fields) known.emplace_back(field.name);
      where.fail("event `" + trigger.event + "` has no field `" + name + "`" +
                 suggestion(name, known));
    }
  }

  /// A misspelt name of an enumeration would be a fault that never strikes.
  void enum_value(const Value& where, const traces::FieldInfo& field,
                  const std::string& value) const {
    if (field.enumeration == nullptr || field.enumeration->value_of(value)) return;
    std::vector<std::string> known;
    for (const traces::EnumValueInfo& entry : field.enumeration->values) {
      known.emplace_back(entry.name);
    }
    where.fail("field `" + std::string(field.name) + "` has no value `" + value + "`" +
               suggestion(value, known));
  }

  void expect(const Record& record) {
    ExpectSpec item;
    item.place = record.place();
    item.name = only_action(record, expect_rows(), {"vm"}, "expectation");
    if (record.has("vm")) {
      record.name("vm", item.vm);
      reference(record.get("vm"), item.vm, "VM", result_.vms);
    }
    const Value value = record.get(item.name);
    auto kind = checkers::ExpectedValue::True;
    for (const auto& known : checkers::expectations()) {
      if (item.name == known.name) kind = known.value;
    }
    switch (kind) {
      case checkers::ExpectedValue::True:
        if (value.scalar(Shape::True) != "true") value.fail("expected true");
        break;
      case checkers::ExpectedValue::Count: {
        std::uint64_t count = 0;
        record.count(item.name, count, 0, 1'000'000'000);
        item.bound = static_cast<std::int64_t>(count);
        break;
      }
      case checkers::ExpectedValue::Duration: {
        sim::Duration bound{};
        record.duration(item.name, bound);
        item.bound = bound.ns;
        break;
      }
      case checkers::ExpectedValue::Host:
        record.name(item.name, item.host);
        reference(value, item.host, "host", result_.hosts);
        break;
    }
    result_.expect.push_back(item);
    limit("expect", result_.expect.size());
  }

  const Record& root_;
  Scenario result_;
};

}  // namespace

Scenario parse_scenario(const std::string& file, std::string text,
                        const std::vector<Override>& overrides) {
  if (text.size() > kMaxScenarioBytes) {
    throw UserError(Place{file, 1, 1}, "the file has " + std::to_string(text.size()) +
                                           " bytes; a scenario has at most 1 MiB");
  }
  const YAML::Node tree = parse_yaml(file, text);
  const Value value{file, tree, "", std::nullopt};
  if (!tree.IsMap()) throw UserError(Place{file, 1, 1}, "a scenario is a YAML mapping");
  for (const Override& change : overrides) apply_override(file, tree, change);
  try {
    const Record root(value, scenario_rows());
    return Parser(file, std::move(text), root).parse();
  } catch (const YAML::Exception& error) {
    throw UserError(Place{file, error.mark.line + 1, error.mark.column + 1}, error.msg);
  }
}

Scenario load_scenario(const std::string& path, const std::vector<Override>& overrides) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    throw UserError(path + ": is a directory; give the path of a scenario file");
  }
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw UserError(path + ": cannot be read; give the path of a scenario file");
  const auto bytes = file.tellg();
  if (bytes < 0) throw UserError(path + ": is not a file");
  if (static_cast<std::uint64_t>(bytes) > kMaxScenarioBytes) {
    throw UserError(Place{path, 1, 1}, "the file has " + std::to_string(bytes) +
                                           " bytes; a scenario has at most 1 MiB");
  }
  std::string text(static_cast<std::size_t>(bytes), '\0');
  file.seekg(0);
  if (!file.read(text.data(), bytes)) throw UserError(path + ": cannot be read");
  return parse_scenario(path, std::move(text), overrides);
}

}  // namespace scenarios
