#include "scenarios/language/values.hpp"

#include <algorithm>
#include <utility>

#include "scenarios/language/fields.hpp"
#include "scenarios/language/source.hpp"
#include "scenarios/language/units.hpp"
#include "scenarios/language/words.hpp"

namespace scenarios {

namespace {

std::vector<std::string> steps_of(const std::string& path) {
  std::vector<std::string> steps;
  std::size_t from = 0;
  while (true) {
    const std::size_t dot = path.find('.', from);
    steps.push_back(path.substr(from, dot - from));
    if (dot == std::string::npos) return steps;
    from = dot + 1;
  }
}

/// Follows a path to the field that it names.
class Finder {
 public:
  Finder(Scenario& scenario, const std::string& path)
      : scenario_(scenario), path_(path), steps_(steps_of(path)) {}

  Field find() {
    const std::string& first = steps_[0];
    if (first == "hosts") return in_named(scenario_.hosts, "host");
    if (first == "networks") return in_named(scenario_.networks, "network");
    if (first == "storage") return in_named(scenario_.storage, "storage");
    if (first == "vms") return in_vm();
    if (first == "migration") return last(fields(scenario_.migration), 1);
    if (first == "timeline") return in_list(scenario_.timeline);
    if (first == "faults") return in_list(scenario_.faults);
    if (first == "buggify") return in_list(scenario_.buggify);
    if (first == "expect") return in_list(scenario_.expect);
    auto all = fields(scenario_);
    if (steps_.size() == 1) return last(std::move(all), 0);
    fail("nothing stands below `" + shorten(first) + "`");
  }

 private:
  [[noreturn]] void fail(const std::string& text) const { throw Mistake{path_, text}; }

  const std::string& step(std::size_t index) const {
    if (index >= steps_.size()) fail("the path ends too early; a path is such as vms.web.memory");
    return steps_[index];
  }

  Field last(std::vector<Field> all, std::size_t index) const {
    const std::string& key = step(index);
    std::vector<std::string> known;
    for (Field& field : all) {
      if (field.key == key) {
        if (index + 1 < steps_.size()) fail("nothing stands below `" + shorten(key) + "`");
        return std::move(field);
      }
      known.push_back(field.key);
    }
    fail("there is no value `" + shorten(key) + "` here" + suggestion(key, known));
  }

  template <class Spec>
  Spec& named(std::vector<Spec>& specs, const char* kind) const {
    const std::string& name = step(1);
    std::vector<std::string> known;
    for (Spec& spec : specs) {
      if (spec.name == name) return spec;
      known.push_back(spec.name);
    }
    fail("there is no " + std::string(kind) + " `" + shorten(name) + "`" + suggestion(name, known));
  }

  template <class Spec>
  Field in_named(std::vector<Spec>& specs, const char* kind) const {
    return last(fields(named(specs, kind)), 2);
  }

  Field in_vm() const {
    VmSpec& vm = named(scenario_.vms, "VM");
    if (step(2) == "guest") return last(fields(vm.guest), 3);
    return last(fields(vm), 2);
  }

  template <class Spec>
  Field in_list(std::vector<Spec>& list) const {
    const auto index = parse_count(step(1));
    if (!index || *index >= list.size()) {
      fail("no entry `" + shorten(step(1)) + "` in a list of " + std::to_string(list.size()));
    }
    return last(fields(list[*index]), 2);
  }

  Scenario& scenario_;
  const std::string& path_;
  std::vector<std::string> steps_;
};

bool is_number(Shape shape) {
  return shape == Shape::Count || shape == Shape::Size || shape == Shape::Rate ||
         shape == Shape::Duration || shape == Shape::Percent;
}

/// Which of two texts of a shape is the larger number.
bool less(Shape shape, const std::string& a, const std::string& b) {
  switch (shape) {
    case Shape::Count:
      return *parse_count(a) < *parse_count(b);
    case Shape::Size:
      return *parse_size(a) < *parse_size(b);
    case Shape::Rate:
      return *parse_rate(a) < *parse_rate(b);
    case Shape::Duration:
      return *parse_duration(a) < *parse_duration(b);
    default: {
      const sim::Chance x = *parse_percent(a);
      const sim::Chance y = *parse_percent(b);
      return x.numerator * (y.denominator / kMillion) < y.numerator * (x.denominator / kMillion);
    }
  }
}

void check_entry(const Scenario& scenario, const VarySpec& spec, const std::string& path) {
  Scenario tried = scenario;
  try {
    Finder(tried, spec.key).find();
  } catch (const Mistake& mistake) {
    throw Mistake{path + ".value", mistake.text};
  }
  const char* key = spec.kind == VarySpec::Kind::Choice  ? ".choice."
                    : spec.kind == VarySpec::Kind::Range ? ".range."
                                                         : ".log-range.";
  for (std::size_t i = 0; i < spec.values.size(); ++i) {
    const std::string place = path + key + std::to_string(i);
    tried = scenario;
    if (const auto mistake = set_value(tried, {spec.key, spec.values[i]})) {
      throw Mistake{place, mistake->text};
    }
    if (const auto mistake = find_mistake(tried)) {
      throw Mistake{place, "with this value: " + mistake->path + ": " + mistake->text};
    }
  }
  if (spec.kind == VarySpec::Kind::Choice) return;
  const Shape shape = Finder(tried, spec.key).find().shape;
  const std::string place = path + (spec.kind == VarySpec::Kind::Range ? ".range" : ".log-range");
  if (!is_number(shape)) throw Mistake{place, "`" + spec.key + "` is no number; use `choice`"};
  if (less(shape, spec.values[1], spec.values[0])) {
    throw Mistake{place, "a range is the lowest and the highest value, in this order"};
  }
}

}  // namespace

std::optional<Mistake> set_value(Scenario& scenario, const Override& value) {
  try {
    const Field field = Finder(scenario, value.first).find();
    if (auto complaint = assign(field, value.second)) return Mistake{value.first, *complaint};
    // A guest is one or the other; what is set is meant.
    for (VmSpec& vm : scenario.vms) {
      if (field.key == "program" && value.first == "vms." + vm.name + ".guest.program") {
        vm.guest.model.clear();
        vm.guest.kernel.clear();
      }
    }
    return std::nullopt;
  } catch (const Mistake& mistake) {
    return mistake;
  }
}

Scenario with_values(const Scenario& base, const std::vector<Override>& values) {
  Scenario scenario = base;
  std::string what;
  for (const Override& value : values) {
    if (const auto mistake = set_value(scenario, value)) {
      throw UserError(value.first + "=" + value.second + ": " + mistake->text);
    }
    what += (what.empty() ? "" : " ") + value.first + "=" + value.second;
  }
  if (const auto mistake = find_mistake(scenario)) {
    throw UserError(what + ": " + mistake->path + ": " + mistake->text);
  }
  return scenario;
}

std::optional<std::string> value_at(const Scenario& scenario, const std::string& path) {
  try {
    Scenario copy = scenario;
    const Field field = Finder(copy, path).find();
    if (absent(field) || field.shape == Shape::Names) return std::nullopt;
    return written(field);
  } catch (const Mistake&) {
    return std::nullopt;
  }
}

std::uint64_t step_at(const Scenario& scenario, const std::string& path) {
  Scenario copy = scenario;
  return Finder(copy, path).find().step;
}

std::optional<Mistake> check_vary(const Scenario& scenario) {
  try {
    for (std::size_t i = 0; i < scenario.vary.size(); ++i) {
      const std::string path = "vary." + std::to_string(i);
      for (std::size_t j = 0; j < i; ++j) {
        if (scenario.vary[j].key == scenario.vary[i].key) {
          throw Mistake{path + ".value",
                        "`" + shorten(scenario.vary[i].key) + "` stands here twice; remove one"};
        }
      }
      check_entry(scenario, scenario.vary[i], path);
    }
    return std::nullopt;
  } catch (const Mistake& mistake) {
    return mistake;
  }
}

}  // namespace scenarios
