#include "scenarios/language/fields.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "checkers/checker.hpp"
#include "fault-injection/catalogue.hpp"
#include "hypervisor/migration/vm_config.hpp"
#include "scenarios/language/units.hpp"
#include "scenarios/language/words.hpp"
#include "traces/assert.hpp"

namespace scenarios {

namespace {

constexpr std::uint64_t kNoLimit = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t kMicrosecond = 1'000;
constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kPage = sim::kPageSize;
// Limits of Windows Server 2012, spec A19: of a VM and of a host.
constexpr std::uint64_t kMostVmBytes = migration::kMostPages * kPage;
constexpr std::uint64_t kMostHostBytes = 4 * kMostVmBytes;
// Guests get it as microseconds in 32 bits.
constexpr std::uint64_t kLongestInterval = 4'294'000 * kMillisecond;

Shape shape_of(faults::Amount unit) {
  switch (unit) {
    case faults::Amount::Chance:
      return Shape::Percent;
    case faults::Amount::Duration:
      return Shape::Duration;
    case faults::Amount::Rate:
      return Shape::Rate;
    case faults::Amount::Size:
      return Shape::Size;
    case faults::Amount::Count:
    case faults::Amount::None:
      return Shape::Count;
  }
  return Shape::Count;
}

}  // namespace

std::vector<Field> fields(Scenario& scenario) {
  return {
      {"scenario", Shape::Name, &scenario.name},
      {"description", Shape::Text, &scenario.description},
      {"platform", Shape::Name, &scenario.platform},
      {"seed", Shape::Count, &scenario.seed, 0, 999'999'999'999'999'999ULL},
      {"end", Shape::Duration, &scenario.end},
  };
}

std::vector<Field> fields(HostSpec& host) {
  return {{"memory", Shape::Size, &host.memory_bytes, kPage, kMostHostBytes, kPage}};
}

std::vector<Field> fields(NetworkSpec& network) {
  return {
      {"hosts", Shape::Names, &network.hosts},
      {"bandwidth", Shape::Rate, &network.bits_per_second, 1},
      {"latency", Shape::Duration, &network.latency},
      {"loss", Shape::Percent, &network.loss},
  };
}

std::vector<Field> fields(StorageSpec& storage) { return {{"size", Shape::Size, &storage.bytes}}; }

std::vector<Field> fields(VmSpec& vm) {
  return {
      {"host", Shape::Name, &vm.host},
      {"memory", Shape::Size, &vm.memory_bytes, 0, kMostVmBytes},
      {"disks", Shape::Names, &vm.disks},
      {"nics", Shape::Names, &vm.nics},
      {"integration-services", Shape::Names, &vm.services},
      {"speed", Shape::Count, &vm.instructions_per_us, 1, 100'000},
      {"heartbeat", Shape::Duration, &vm.heartbeat, kMillisecond},
  };
}

std::vector<Field> fields(GuestSpec& guest) {
  return {
      {"program", Shape::Name, &guest.program},
      {"model", Shape::Name, &guest.model},
      {"kernel", Shape::Text, &guest.kernel},
      {"initrd", Shape::Text, &guest.initrd},
      {"command-line", Shape::Text, &guest.command_line},
      {"working-set", Shape::Size, &guest.working_set_bytes, kPage, kMostVmBytes, kPage},
      {"dirty-rate", Shape::Count, &guest.dirty_pages_per_ms, 0, 1'000'000},
      {"disk-interval", Shape::Duration, &guest.disk_interval, kMicrosecond, kLongestInterval,
       kMicrosecond},
      {"blocks-per-write", Shape::Count, &guest.blocks_per_write, 1, 64},
      {"flush-every", Shape::Count, &guest.flush_every, 1, 1'000'000},
      {"frame-interval", Shape::Duration, &guest.frame_interval, kMicrosecond, kLongestInterval,
       kMicrosecond},
      {"stop-after", Shape::Duration, &guest.stop_after, kMicrosecond, kNoLimit, kMicrosecond},
  };
}

std::vector<Field> fields(BootOnceSpec& boot) {
  return {
      {"until", Shape::Text, &boot.until},
      {"within", Shape::Duration, &boot.within, kMillisecond},
  };
}

std::vector<Field> fields(MigrationSpec& migration) {
  return {
      {"network", Shape::Name, &migration.network},
      {"round-limit", Shape::Count, &migration.round_limit, 1, 100},
      {"threshold", Shape::Count, &migration.threshold_pages, 0, 1ULL << 40},
      {"connect-timeout", Shape::Duration, &migration.connect_timeout, kMillisecond},
      {"patience", Shape::Duration, &migration.patience, kMillisecond},
      {"answer-timeout", Shape::Duration, &migration.answer_timeout, kMillisecond},
      {"query-interval", Shape::Duration, &migration.query_interval, kMillisecond},
      {"idle-timeout", Shape::Duration, &migration.idle_timeout, kMillisecond},
  };
}

std::vector<Field> fields(Step& step) {
  return {
      {"at", Shape::Duration, &step.at}, {step.verb, Shape::Name, &step.vm},
      {"to", Shape::Name, &step.host},   {"disk", Shape::Name, &step.disk},
      {"key", Shape::Text, &step.key},   {"value", Shape::Text, &step.value},
  };
}

std::vector<Field> fields(FaultSpec& fault) {
  const faults::Fault* known = faults::find(fault.fault);
  const faults::Magnitude may = known == nullptr ? faults::Magnitude{} : known->magnitude;
  // Zero in the spec is "nothing said", so a file cannot say it.
  const auto least = static_cast<std::uint64_t>(std::max<std::int64_t>(may.low, 1));
  const bool counts = may.unit == faults::Amount::Count;
  const auto most = counts ? static_cast<std::uint64_t>(may.high) : kNoLimit;
  return {
      {"at", Shape::Duration, &fault.trigger.at},
      {"after", Shape::Duration, &fault.trigger.after},
      {"earliest", Shape::Duration, &fault.trigger.earliest},
      {"latest", Shape::Duration, &fault.trigger.latest},
      {fault.fault, Shape::Name, &fault.target},
      {"from", Shape::Name, &fault.from},
      {"to", Shape::Name, &fault.to},
      {"by", shape_of(may.unit), &fault.amount, least, most},
      {"lasts", Shape::Duration, &fault.lasts},
  };
}

std::vector<Field> fields(ExpectSpec& item) {
  std::vector<Field> all;
  if (item.pattern) {
    all.push_back({"name", Shape::Text, &item.pattern->name});
    all.push_back({"at-most", Shape::Count, &item.pattern->most, 0, 1'000'000'000});
    all.push_back({"within", Shape::Duration, &item.pattern->within});
  }
  for (const checkers::ExpectationInfo& known : checkers::expectations()) {
    if (item.name != known.name) continue;
    if (known.value == checkers::ExpectedValue::Count) {
      all.push_back({item.name, Shape::Count, &item.bound, 0, 1'000'000'000});
    } else if (known.value == checkers::ExpectedValue::Duration) {
      all.push_back({item.name, Shape::Duration, &item.bound});
    } else if (known.value == checkers::ExpectedValue::Host) {
      all.push_back({item.name, Shape::Name, &item.host});
    }
  }
  all.push_back({"vm", Shape::Name, &item.vm});
  return all;
}

std::vector<Field> fields(BudgetSpec& budget) {
  return {
      {"faults", Shape::Count, &budget.faults, 0, 1'000},
      {"hosts-down", Shape::Count, &budget.hosts_down, 0, 1'000},
      {"of", Shape::Names, &budget.of},
      {"without", Shape::Names, &budget.without},
      {"with", Shape::Names, &budget.with},
      {"from", Shape::Duration, &budget.from},
      {"until", Shape::Duration, &budget.until, 1},
  };
}

std::vector<Field> fields(BuggifySpec& point) {
  return {
      {"point", Shape::Point, &point.point},
      {"chance", Shape::Percent, &point.chance},
  };
}

namespace {

/// The number that a text of this shape means, in the shape's smallest unit.
std::optional<std::uint64_t> number_of(Shape shape, const std::string& text) {
  switch (shape) {
    case Shape::Count:
      return parse_count(text);
    case Shape::Size:
      return parse_size(text);
    case Shape::Rate:
      return parse_rate(text);
    case Shape::Duration:
      if (const auto duration = parse_duration(text)) {
        return static_cast<std::uint64_t>(duration->ns);
      }
      return std::nullopt;
    case Shape::Percent:
      if (const auto chance = parse_percent(text)) {
        if (chance->numerator == 0 || chance->denominator == kMillion) return chance->numerator;
      }
      return std::nullopt;
    default:
      HVSIM_ASSERT(false, "this shape is no number");
      return std::nullopt;
  }
}

std::string text_of(Shape shape, std::uint64_t number) {
  switch (shape) {
    case Shape::Size:
      return size_text(number);
    case Shape::Rate:
      return rate_text(number);
    case Shape::Duration:
      return duration_text(sim::Duration{static_cast<std::int64_t>(number)});
    case Shape::Percent:
      return percent_text(sim::Chance::per_million(number));
    default:
      return std::to_string(number);
  }
}

std::string complaint(const Field& field, const std::string& text) {
  std::string said = "`" + shorten(text) + "` is not ";
  if (field.shape == Shape::Count) {
    return said + "a whole number from " + std::to_string(field.low) + " to " +
           std::to_string(field.high);
  }
  said += example_of(field.shape);
  if (!text.empty() && text[0] == '-') return said + "; it cannot be negative";
  if (field.shape == Shape::Percent) return said + "; four decimals at most";
  return said;
}

struct Assign {
  const Field& field;
  const std::string& text;

  std::optional<std::string> operator()(std::string* out) const {
    if (field.shape == Shape::Name && !is_name(text)) {
      return "`" + shorten(text) + "` is not a name: letters, digits, - and _, at most 63";
    }
    if (field.shape == Shape::Point && !is_point(text)) {
      return "`" + shorten(text) + "` is not " + example_of(Shape::Point);
    }
    *out = text;
    return std::nullopt;
  }
  std::optional<std::string> operator()(std::vector<std::string>*) const {
    return "expected " + std::string(example_of(field.shape));
  }
  std::optional<std::string> operator()(sim::Chance* out) const {
    const auto chance = parse_percent(text);
    if (!chance) return "`" + shorten(text) + "` is not " + example_of(Shape::Percent);
    *out = *chance;
    return std::nullopt;
  }
  template <class T>
  std::optional<std::string> operator()(T* out) const {
    const auto number = number_of(field.shape, text);
    const bool counts = field.shape == Shape::Count;
    if (!number || (counts && (*number < field.low || *number > field.high))) {
      return complaint(field, text);
    }
    if (*number < field.low) {
      return "`" + shorten(text) + "` is too little, at least " + text_of(field.shape, field.low);
    }
    if (*number > field.high) {
      return "`" + shorten(text) + "` is too much, at most " + text_of(field.shape, field.high);
    }
    if (*number % field.step != 0) {
      return "`" + shorten(text) + "` is no multiple of " + text_of(field.shape, field.step) +
             ", the nearest below is " + text_of(field.shape, *number - *number % field.step);
    }
    put(out, *number);
    return std::nullopt;
  }

  static void put(std::uint64_t* out, std::uint64_t number) { *out = number; }
  static void put(std::uint32_t* out, std::uint64_t number) {
    *out = static_cast<std::uint32_t>(number);
  }
  static void put(std::int64_t* out, std::uint64_t number) {
    *out = static_cast<std::int64_t>(number);
  }
  static void put(sim::Duration* out, std::uint64_t number) {
    out->ns = static_cast<std::int64_t>(number);
  }
  static void put(sim::Time* out, std::uint64_t number) {
    out->ns = static_cast<std::int64_t>(number);
  }
  template <class T>
  static void put(std::optional<T>* out, std::uint64_t number) {
    put(&out->emplace(), number);
  }
};

struct Written {
  Shape shape;

  std::string operator()(const std::string* text) const { return *text; }
  std::string operator()(const std::vector<std::string>*) const {
    HVSIM_ASSERT(false, "a list is no scalar");
    return "";
  }
  std::string operator()(const sim::Chance* chance) const { return percent_text(*chance); }
  std::string operator()(const sim::Duration* duration) const { return duration_text(*duration); }
  std::string operator()(const sim::Time* time) const {
    return duration_text(sim::Duration{time->ns});
  }
  template <class T>
  std::string operator()(const std::optional<T>* value) const {
    return (*this)(&value->value());
  }
  template <class T>
  std::string operator()(const T* number) const {
    return text_of(shape, static_cast<std::uint64_t>(*number));
  }
};

struct Absent {
  template <class T>
  bool operator()(const std::optional<T>* value) const {
    return !value->has_value();
  }
  template <class T>
  bool operator()(const T*) const {
    return false;
  }
};

}  // namespace

std::optional<std::string> assign(const Field& field, const std::string& text) {
  return std::visit(Assign{field, text}, field.slot);
}

std::string written(const Field& field) { return std::visit(Written{field.shape}, field.slot); }

bool absent(const Field& field) { return std::visit(Absent{}, field.slot); }

}  // namespace scenarios
