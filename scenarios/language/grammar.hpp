// The grammar of scenario files as tables: one row per key. The reader, the complaints about
// unknown keys and the JSON Schema all come from these rows, so they cannot disagree.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace scenarios {

/// What may stand as a value.
enum class Shape : std::uint8_t {
  Text,
  Name,   ///< letters, digits, - and _
  Point,  ///< dotted: net.loss
  Event,  ///< name of an event
  Names,  ///< a list of names
  Count,
  Size,
  Rate,
  Duration,
  Percent,
  Quantity,  ///< whichever of the five above the fault takes
  Scalars,   ///< a list of scalars of any kind
  Numbers,   ///< a list of up to four whole numbers of 64 bits
  True,      ///< the word true
  Record,    ///< one mapping with the rows of `rows`
  Mapping,   ///< name -> mapping, rows of `rows`
  Sequence,  ///< list of mappings, rows of `rows`
  Fields,    ///< mapping of names to scalars
};

struct Row {
  std::string key;
  Shape shape;
  std::string what;
  bool required = false;
  const std::vector<Row>* rows = nullptr;
};

using Rows = std::vector<Row>;

const Rows& scenario_rows();
const Rows& host_rows();
const Rows& network_rows();
const Rows& storage_rows();
const Rows& boot_once_rows();
const Rows& vm_rows();
const Rows& guest_rows();
const Rows& migration_rows();
const Rows& step_rows();   ///< one row per verb besides `at` and `to`
const Rows& fault_rows();  ///< one row per fault besides the trigger
const Rows& vary_rows();
const Rows& budget_rows();
const Rows& buggify_rows();
const Rows& decision_rows();
const Rows& pattern_rows();  ///< which events a property of the user's own is about
/// One row per expectation and per kind of pattern, besides expect_companions().
const Rows& expect_rows();
/// Keys that stand beside what is expected.
const std::vector<std::string>& expect_companions();

/// A regular expression (ECMA 262) for the scalar shapes, and an example for complaints.
const char* pattern_of(Shape shape);
const char* example_of(Shape shape);

}  // namespace scenarios
