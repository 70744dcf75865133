// Takes YAML apart by the grammar's rows: a Record knows which keys may stand in a mapping, finds
// unknown, doubled and missing ones, and hands out values with their place.
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/language/grammar.hpp"
#include "scenarios/language/source.hpp"
#include "sim/kernel/random.hpp"
#include "sim/kernel/time.hpp"

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

  // Each leaves `out` alone when the key is absent.
  void text(const std::string& key, std::string& out) const;
  void name(const std::string& key, std::string& out) const;
  void names(const std::string& key, std::vector<std::string>& out) const;
  void count(const std::string& key, std::uint64_t& out, std::uint64_t low,
             std::uint64_t high) const;
  void size(const std::string& key, std::uint64_t& out) const;
  void rate(const std::string& key, std::uint64_t& out) const;
  void duration(const std::string& key, sim::Duration& out) const;
  void percent(const std::string& key, sim::Chance& out) const;
  /// name -> record, in the order of the file.
  std::vector<std::pair<std::string, Record>> mapping(const std::string& key) const;
  std::vector<Record> sequence(const std::string& key) const;
  std::optional<Record> record(const std::string& key) const;
  std::vector<std::pair<std::string, std::string>> fields(const std::string& key) const;

 private:
  const Row& row(const std::string& key) const;
  Value value_;
  const Rows& rows_;
};

/// The known word nearest to a misspelt one, "" when none is near.
std::string nearest(const std::string& word, const std::vector<std::string>& known);
/// ", did you mean `x`?" or ", known: a, b, c".
std::string suggestion(const std::string& word, const std::vector<std::string>& known);

}  // namespace scenarios
