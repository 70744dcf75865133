#include "scenarios/shrink/values.hpp"

#include <rapidcheck/shrink/Shrink.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "fault-injection/catalogue.hpp"
#include "traces/text.hpp"

namespace scenarios {

namespace {

constexpr std::int64_t kMillion = 1'000'000;

class Collector {
 public:
  void add(std::string key, std::uint64_t& value, Quantity quantity,
           std::optional<std::uint64_t> normal, std::int64_t simplest) {
    Number number = make(std::move(key), quantity, simplest);
    if (normal) number.normal = static_cast<std::int64_t>(*normal);
    number.get = [&value] { return static_cast<std::int64_t>(value); };
    number.set = [&value](std::int64_t next) { value = static_cast<std::uint64_t>(next); };
    list.push_back(std::move(number));
  }
  /// What nobody said counts as -1, the default.
  void add(std::string key, std::optional<std::uint64_t>& value) {
    Number number = make(std::move(key), Quantity::Count, 1);
    number.normal = -1;
    number.get = [&value] { return value ? static_cast<std::int64_t>(*value) : -1; };
    number.set = [&value](std::int64_t next) {
      value = next < 0 ? std::nullopt : std::optional(static_cast<std::uint64_t>(next));
    };
    list.push_back(std::move(number));
  }
  void add(std::string key, std::uint32_t& value, std::uint32_t normal, std::int64_t simplest) {
    Number number = make(std::move(key), Quantity::Count, simplest);
    number.normal = normal;
    number.get = [&value] { return static_cast<std::int64_t>(value); };
    number.set = [&value](std::int64_t next) { value = static_cast<std::uint32_t>(next); };
    list.push_back(std::move(number));
  }
  void add(std::string key, std::int64_t& value, Quantity quantity,
           std::optional<std::int64_t> normal, std::int64_t simplest = 0) {
    Number number = make(std::move(key), quantity, simplest);
    number.normal = normal;
    number.get = [&value] { return value; };
    number.set = [&value](std::int64_t next) { value = next; };
    list.push_back(std::move(number));
  }
  void add(std::string key, sim::Duration& value, std::optional<sim::Duration> normal) {
    add(std::move(key), value.ns, Quantity::Duration,
        normal ? std::optional(normal->ns) : std::nullopt);
  }
  void add(std::string key, sim::Time& value) {
    add(std::move(key), value.ns, Quantity::Instant, std::nullopt);
  }
  /// A chance by its parts in a million; odds between two such parts keep to themselves.
  void add(std::string key, sim::Chance& value) {
    Number number = make(std::move(key), Quantity::Chance, 0);
    number.normal = 0;
    number.get = [&value] {
      return static_cast<std::int64_t>(value.numerator * kMillion / value.denominator);
    };
    number.set = [&value](std::int64_t next) {
      value = sim::Chance::per_million(static_cast<std::uint64_t>(next));
    };
    list.push_back(std::move(number));
  }

  std::vector<Number> list;

 private:
  static Number make(std::string key, Quantity quantity, std::int64_t simplest) {
    Number number;
    number.key = std::move(key);
    number.quantity = quantity;
    number.simplest = simplest;
    return number;
  }
};

constexpr std::int64_t kPage = 4096;

void add_machines(Scenario& scenario, Collector& all) {
  const HostSpec host;
  const NetworkSpec network;
  const StorageSpec storage;
  const VmSpec vm;
  for (HostSpec& spec : scenario.hosts) {
    all.add("hosts." + spec.name + ".memory", spec.memory_bytes, Quantity::Size, host.memory_bytes,
            kPage);
  }
  for (NetworkSpec& spec : scenario.networks) {
    const std::string path = "networks." + spec.name;
    all.add(path + ".bandwidth", spec.bits_per_second, Quantity::Rate, network.bits_per_second,
            1'000'000);
    all.add(path + ".latency", spec.latency, network.latency);
    all.add(path + ".loss", spec.loss);
  }
  for (StorageSpec& spec : scenario.storage) {
    all.add("storage." + spec.name + ".size", spec.bytes, Quantity::Size, storage.bytes, kPage);
  }
  for (VmSpec& spec : scenario.vms) {
    const std::string path = "vms." + spec.name;
    const std::string guest = path + ".guest";
    all.add(path + ".memory", spec.memory_bytes, Quantity::Size, vm.memory_bytes, kPage);
    all.add(guest + ".working-set", spec.guest.working_set_bytes, Quantity::Size, 0, kPage);
    all.add(guest + ".dirty-rate", spec.guest.dirty_pages_per_ms);
    all.add(guest + ".disk-interval", spec.guest.disk_interval, sim::Duration{});
    all.add(guest + ".blocks-per-write", spec.guest.blocks_per_write, Quantity::Count, 0, 1);
    all.add(guest + ".flush-every", spec.guest.flush_every, Quantity::Count, 0, 1);
    all.add(guest + ".frame-interval", spec.guest.frame_interval, sim::Duration{});
    all.add(guest + ".stop-after", spec.guest.stop_after, sim::Duration{});
    all.add(path + ".speed", spec.instructions_per_us, Quantity::Count, vm.instructions_per_us, 1);
    all.add(path + ".heartbeat", spec.heartbeat, vm.heartbeat);
  }
}

void add_migration(Scenario& scenario, Collector& all) {
  const MigrationSpec normal;
  MigrationSpec& spec = scenario.migration;
  all.add("migration.round-limit", spec.round_limit, normal.round_limit, 1);
  all.add("migration.threshold", spec.threshold_pages, Quantity::Count, normal.threshold_pages, 1);
  all.add("migration.connect-timeout", spec.connect_timeout, normal.connect_timeout);
  all.add("migration.patience", spec.patience, normal.patience);
  all.add("migration.answer-timeout", spec.answer_timeout, normal.answer_timeout);
  all.add("migration.query-interval", spec.query_interval, normal.query_interval);
  all.add("migration.idle-timeout", spec.idle_timeout, normal.idle_timeout);
}

Quantity quantity_of(faults::Amount amount) {
  switch (amount) {
    case faults::Amount::Chance:
      return Quantity::Chance;
    case faults::Amount::Duration:
      return Quantity::Duration;
    case faults::Amount::Rate:
      return Quantity::Rate;
    case faults::Amount::Size:
      return Quantity::Size;
    case faults::Amount::None:
    case faults::Amount::Count:
      break;
  }
  return Quantity::Count;
}

void add_plan(Scenario& scenario, Collector& all) {
  for (std::size_t i = 0; i < scenario.timeline.size(); ++i) {
    all.add("timeline." + std::to_string(i) + ".at", scenario.timeline[i].at);
  }
  for (std::size_t i = 0; i < scenario.faults.size(); ++i) {
    FaultSpec& spec = scenario.faults[i];
    const std::string path = "faults." + std::to_string(i);
    const faults::Fault* fault = faults::find(spec.fault);
    if (spec.trigger.at) all.add(path + ".at", *spec.trigger.at);
    if (!spec.trigger.event.empty()) {
      all.add(path + ".after", spec.trigger.after, sim::Duration{});
    }
    if (spec.lasts) all.add(path + ".lasts", *spec.lasts, std::nullopt);
    if (fault != nullptr && fault->magnitude.unit != faults::Amount::None) {
      all.add(path + ".by", spec.amount, quantity_of(fault->magnitude.unit), 0,
              fault->magnitude.low);
    }
  }
  for (BuggifySpec& spec : scenario.buggify) all.add("buggify." + spec.point, spec.chance);
}

/// The unit of which a value has some tens: what a person would change in it.
std::int64_t unit_of(Quantity quantity, std::int64_t value) {
  const std::int64_t step = quantity == Quantity::Size ? 2 : 10;
  const std::int64_t most = quantity == Quantity::Size ? 32 : 100;
  std::int64_t unit = 1;
  while (value / unit >= most) unit *= step;
  return unit;
}

}  // namespace

std::vector<Number> numbers(Scenario& scenario) {
  Collector all;
  add_machines(scenario, all);
  add_migration(scenario, all);
  add_plan(scenario, all);
  all.add("end", scenario.end);
  return std::move(all.list);
}

std::vector<std::int64_t> simpler(const Number& number) {
  const std::int64_t value = number.get();
  const std::int64_t goal = number.simplest;
  std::vector<std::int64_t> list;
  const auto nearer = [&](std::int64_t other) {
    const bool between =
        value > goal ? other >= goal && other < value : other <= goal && other > value;
    if (between && std::find(list.begin(), list.end(), other) == list.end()) list.push_back(other);
  };
  const std::int64_t unit = unit_of(number.quantity, value);
  const std::int64_t whole = value / unit;
  if (goal < value) {
    nearer(goal);
    for (const std::int64_t part : {1000, 100, 10}) {  // boldly: 1 ms in place of 1 s
      const std::int64_t scale = unit_of(number.quantity, value / part);
      nearer(value / part / scale * scale);
    }
  }
  for (auto some = rc::shrink::towards(whole, goal / unit); auto next = some.next();) {
    nearer(*next == goal / unit ? goal : *next * unit);
  }
  // Fewer digits, from the roughest: 537123 ns becomes 500, then 530 us.
  for (const std::int64_t step : {unit * 10, unit}) nearer(value / step * step);
  return list;
}

std::string to_text(Quantity quantity, std::int64_t value) {
  switch (quantity) {
    case Quantity::Duration:
    case Quantity::Instant:
      return traces::to_text(traces::Duration{value});
    case Quantity::Chance: {
      std::string text = std::to_string(value % 10'000 + 10'000).substr(1);
      text.erase(text.find_last_not_of('0') + 1);
      return std::to_string(value / 10'000) + (text.empty() ? "" : "." + text) + "%";
    }
    case Quantity::Rate:
    case Quantity::Size: {
      const char* const sizes[] = {"B", "KiB", "MiB", "GiB", "TiB"};
      const char* const rates[] = {"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"};
      const std::int64_t step = quantity == Quantity::Size ? 1024 : 1000;
      std::size_t place = 0;
      for (; place < 4 && value != 0 && value % step == 0; ++place) value /= step;
      return std::to_string(value) + (quantity == Quantity::Size ? sizes : rates)[place];
    }
    case Quantity::Count:
      break;
  }
  return std::to_string(value);
}

}  // namespace scenarios
