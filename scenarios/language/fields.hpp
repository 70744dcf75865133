// The scalar values of a scenario's parts, each with its key, its shape and its limits: one list
// per part, which reading, writing and setting by path share.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "scenarios/language/grammar.hpp"
#include "scenarios/language/scenario.hpp"

namespace scenarios {

using Slot =
    std::variant<std::string*, std::vector<std::string>*, std::uint64_t*, std::uint32_t*,
                 std::int64_t*, sim::Duration*, sim::Time*, std::optional<sim::Time>*,
                 std::optional<sim::Duration>*, std::optional<std::uint64_t>*, sim::Chance*>;

/// A key and where its value lives in a spec, which must outlive this.
struct Field {
  std::string key;
  Shape shape;
  Slot slot;
  // In the shape's smallest unit: nanoseconds, bytes, bit/s, parts in a million.
  std::uint64_t low = 0;
  std::uint64_t high = std::numeric_limits<std::int64_t>::max();
  std::uint64_t step = 1;  ///< the value is a multiple of it
};

// In the order in which a file is written.
std::vector<Field> fields(Scenario& scenario);
std::vector<Field> fields(HostSpec& host);
std::vector<Field> fields(NetworkSpec& network);
std::vector<Field> fields(StorageSpec& storage);
std::vector<Field> fields(VmSpec& vm);
std::vector<Field> fields(GuestSpec& guest);
std::vector<Field> fields(BootOnceSpec& boot);
std::vector<Field> fields(MigrationSpec& migration);
std::vector<Field> fields(Step& step);        ///< the verb's key holds the VM
std::vector<Field> fields(FaultSpec& fault);  ///< the fault's key holds the target
std::vector<Field> fields(ExpectSpec& item);  ///< of built-in expectations
std::vector<Field> fields(BudgetSpec& budget);
std::vector<Field> fields(BuggifySpec& point);

/// Reads a scalar into the field's slot. Otherwise says what is wrong with the text.
std::optional<std::string> assign(const Field& field, const std::string& text);
/// How the value is written, unquoted: assign() of it gives the same value. Of scalars only.
std::string written(const Field& field);
/// True when there is nothing to write: an optional without a value.
bool absent(const Field& field);

}  // namespace scenarios
