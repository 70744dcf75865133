// Takes YAML apart by the grammar's rows: a Record knows which keys may stand in a mapping, finds
// unknown, doubled and missing ones, and hands out values with their place.
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/language/fields.hpp"
#include "scenarios/language/grammar.hpp"
#include "scenarios/language/source.hpp"
#include "scenarios/language/words.hpp"

namespace scenarios {

/// A node of the file; errors know where it stands.
struct Value {
  std::string file;
  YAML::Node node;
  std::string path;           ///< "vms.web.memory", for values that have no line (overrides)
  std::optional<Place> home;  ///< where an absent value would stand

  Place place() const;
  [[noreturn]] void fail(const std::string& text) const;
  std::string scalar(Shape shape) const;
};

class Record {
 public:
  Record(Value value, const Rows& rows);

  bool has(const std::string& key) const;
  Value get(const std::string& key) const;
  Place place() const { return value_.place(); }
  [[noreturn]] void fail(const std::string& text) const { value_.fail(text); }

  // Each leaves its target alone when the key is absent.
  void read(const Field& field) const;
  void read(const std::vector<Field>& all) const {
    for (const Field& field : all) read(field);
  }
  std::vector<std::string> scalars(const std::string& key) const;
  /// name -> record, in the order of the file.
  std::vector<std::pair<std::string, Record>> mapping(const std::string& key) const;
  std::vector<Record> sequence(const std::string& key) const;
  std::optional<Record> record(const std::string& key) const;
  std::vector<std::pair<std::string, std::string>> fields(const std::string& key) const;

 private:
  const Row& row(const std::string& key) const;
  void names(const Field& field) const;
  Value value_;
  const Rows& rows_;
};

/// Where a path leads: its last value, or, where that is absent, what it would stand in. `offset`
/// characters into the value if `text`, the whole file, has it there as it is.
Place locate(const Value& root, const std::string& path, const std::string& text,
             std::optional<std::size_t> offset);

}  // namespace scenarios
