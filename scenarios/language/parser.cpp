#include "scenarios/language/parser.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "checkers/checker.hpp"
#include "fault-injection/catalogue.hpp"
#include "scenarios/language/check.hpp"
#include "scenarios/language/fields.hpp"
#include "scenarios/language/gate.hpp"
#include "scenarios/language/grammar.hpp"
#include "scenarios/language/overrides.hpp"
#include "scenarios/language/reader.hpp"
#include "scenarios/language/values.hpp"

namespace scenarios {

namespace {

class Parser {
 public:
  Parser(std::string file, std::string text, const Record& root) : root_(root) {
    result_.file = std::move(file);
    result_.text = std::move(text);
  }

  Scenario parse() {
    root_.read(fields(result_));
    named("hosts", result_.hosts);
    named("networks", result_.networks);
    named("storage", result_.storage);
    vms();
    if (const auto record = root_.record("migration")) record->read(fields(result_.migration));
    for (const Record& step : root_.sequence("timeline")) timeline(step);
    for (const Record& fault : root_.sequence("faults")) faults(fault);
    if (const auto record = root_.record("budget")) {
      record->read(fields(result_.budget.emplace()));
    }
    for (const Record& point : root_.sequence("buggify")) {
      BuggifySpec spec;
      spec.place = point.place();
      point.read(fields(spec));
      result_.buggify.push_back(spec);
    }
    if (root_.has("decisions")) result_.decisions.emplace();
    for (const Record& decision : root_.sequence("decisions")) decide(decision);
    for (const Record& value : root_.sequence("vary")) vary(value);
    for (const Record& item : root_.sequence("expect")) expect(item);
    return std::move(result_);
  }

 private:
  template <class Spec>
  void named(const char* key, std::vector<Spec>& specs) {
    for (const auto& [name, record] : root_.mapping(key)) {
      Spec spec;
      spec.name = name;
      record.read(fields(spec));
      specs.push_back(std::move(spec));
    }
  }

  void vms() {
    for (const auto& [name, record] : root_.mapping("vms")) {
      VmSpec vm;
      vm.name = name;
      record.read(fields(vm));
      const Record guest = *record.record("guest");
      if (guest.has("program") + guest.has("model") + guest.has("kernel") != 1) {
        guest.fail("a guest is a `program`, a `model` or a `kernel`");
      }
      vm.guest.place = guest.place();
      guest.read(fields(vm.guest));
      if (const auto boot = record.record("boot-once")) {
        vm.boot_once.emplace().place = boot->place();
        boot->read(fields(*vm.boot_once));
      }
      result_.vms.push_back(std::move(vm));
    }
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
    step.verb = only_action(record, step_rows(), {"at", "to", "disk", "key", "value"}, "verb");
    record.read(fields(step));
    result_.timeline.push_back(std::move(step));
  }

  void faults(const Record& record) {
    FaultSpec fault;
    fault.place = record.place();
    fault.fault = only_action(
        record, fault_rows(),
        {"at", "when", "after", "earliest", "latest", "from", "to", "by", "lasts"}, "fault");
    const faults::Fault* known = faults::find(fault.fault);
    if (record.has("by") && known != nullptr && known->magnitude.unit == faults::Amount::None) {
      record.get("by").fail("`" + fault.fault + "` takes no `by`");
    }
    record.read(fields(fault));
    for (auto& [key, content] : record.fields("when")) {
      if (key == "event") {
        fault.trigger.event = content;
      } else {
        fault.trigger.fields.emplace_back(key, content);
      }
    }
    if (record.has("when") && fault.trigger.event.empty()) {
      record.get("when").fail("`when` names an `event`: " + std::string(example_of(Shape::Fields)));
    }
    result_.faults.push_back(std::move(fault));
  }

  void vary(const Record& record) {
    VarySpec spec;
    spec.place = record.place();
    spec.key = record.get("value").scalar(Shape::Text);
    const std::string kind = only_action(record, vary_rows(), {"value"}, "choice or range");
    spec.values = record.scalars(kind);
    spec.kind = kind == "choice"  ? VarySpec::Kind::Choice
                : kind == "range" ? VarySpec::Kind::Range
                                  : VarySpec::Kind::LogRange;
    if (spec.kind == VarySpec::Kind::Choice) {
      if (spec.values.empty()) record.get(kind).fail("there is nothing to choose from");
    } else if (spec.values.size() != 2) {
      record.get(kind).fail("a range is two values, the lowest and the highest");
    }
    result_.vary.push_back(std::move(spec));
  }

  void decide(const Record& record) {
    DecisionSpec decision;
    decision.place = record.place();
    record.read(Field{"stream", Shape::Point, &decision.stream});
    const std::vector<std::string> numbers = record.scalars("operation");
    const Value where = record.get("operation");
    if (numbers.size() > decision.operation.size()) {
      where.fail("expected " + std::string(example_of(Shape::Numbers)));
    }
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const std::string& text = numbers[i];
      const char* end = text.data() + text.size();
      const auto parsed = std::from_chars(text.data(), end, decision.operation[i]);
      if (parsed.ec != std::errc{} || parsed.ptr != end) {
        where.fail("`" + shorten(text) + "` is not a whole number of 64 bits");
      }
    }
    result_.decisions->push_back(std::move(decision));
  }

  void expect(const Record& record) {
    ExpectSpec item;
    item.place = record.place();
    item.name = only_action(record, expect_rows(), expect_companions(), "expectation");
    if (const auto kind = pattern_kind(item.name)) {
      item.pattern = pattern(record, item.name, *kind);
    } else {
      for (const std::string& key : expect_companions()) {
        if (key == "vm" || !record.has(key)) continue;
        record.get(key).fail("`" + key + "` belongs to a pattern, not to `" + item.name + "`");
      }
    }
    for (const Row& row : expect_rows()) {
      if (row.key != item.name || row.shape != Shape::True) continue;
      const Value value = record.get(item.name);
      if (value.scalar(Shape::True) != "true") value.fail("expected true");
    }
    record.read(fields(item));
    result_.expect.push_back(std::move(item));
  }

  static std::optional<checkers::Pattern::Kind> pattern_kind(const std::string& key) {
    using Kind = checkers::Pattern::Kind;
    if (key == "never") return Kind::Never;
    if (key == "always") return Kind::Always;
    if (key == "eventually") return Kind::Eventually;
    if (key == "at-most") return Kind::AtMost;
    if (key == "ordered") return Kind::Ordered;
    return std::nullopt;
  }

  static checkers::Pattern pattern(const Record& record, const std::string& key,
                                   checkers::Pattern::Kind kind) {
    checkers::Pattern pattern;
    pattern.kind = kind;
    const bool counts = kind == checkers::Pattern::Kind::AtMost;
    if (kind == checkers::Pattern::Kind::Ordered) {
      for (const Record& part : record.sequence(key)) pattern.events.push_back(event(part));
    } else {
      const std::string subject = counts ? "of" : key;
      const auto part = record.record(subject);
      if (!part) record.fail("at-most needs `of`, the events that are counted");
      pattern.events.push_back(event(*part));
    }
    for (const char* other : {"of", "between", "and"}) {
      if (!counts && record.has(other)) {
        record.get(other).fail("`" + std::string(other) + "` belongs to at-most");
      }
    }
    if (counts && record.has("after")) {
      record.get("after").fail("at-most counts `between` an event `and` another");
    }
    if (const auto part = record.record(counts ? "between" : "after")) pattern.after = event(*part);
    if (const auto part = record.record("and")) pattern.until = event(*part);
    return pattern;
  }

  static checkers::EventPattern event(const Record& record) {
    checkers::EventPattern part;
    record.read(Field{"event", Shape::Event, &part.event});
    record.read(Field{"where", Shape::Text, &part.where});
    record.read(Field{"as", Shape::Name, &part.as});
    if (part.as.find('-') != std::string::npos) {
      record.get("as").fail("`" + part.as + "` cannot be named in a condition: - is minus there");
    }
    return part;
  }

  const Record& root_;
  Scenario result_;
};

void require_sound(const Value& root, const std::string& text,
                   const std::optional<Mistake>& mistake) {
  if (!mistake) return;
  throw UserError(locate(root, mistake->path, text, mistake->offset), mistake->text);
}

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
    Scenario scenario = Parser(file, std::move(text), root).parse();
    require_sound(value, scenario.text, find_mistake(scenario));
    require_sound(value, scenario.text, check_vary(scenario));
    return scenario;
  } catch (const YAML::Exception& error) {
    throw UserError(Place{file, error.mark.line + 1, error.mark.column + 1}, error.msg);
  }
}

Scenario load_scenario(const std::string& path, const std::vector<Override>& overrides) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    throw UserError(path + ": is a directory; give the path of a scenario file");
  }
  // A pipe has no end that could be waited for.
  if (std::filesystem::exists(path, ignored) && !std::filesystem::is_regular_file(path, ignored)) {
    throw UserError(path + ": is not a plain file; give the path of a scenario file");
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
