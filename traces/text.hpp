// Events as people and other programs read them: one text line or one JSON object per event.
#pragma once

#include <iosfwd>
#include <map>
#include <string>
#include <string_view>

#include "traces/events.hpp"
#include "traces/record.hpp"
#include "traces/reflection.hpp"

namespace traces {

/// Names of fault domains, learnt from node.added.
class NodeNames {
 public:
  void learn(const Event& event);
  /// `world` for 0, `node-7` for a node that was never added.
  std::string of(NodeId node) const;

 private:
  std::map<NodeId, std::string> names_;
};

/// Exact, in the largest unit of ns, us, ms, s that keeps at least one digit before the point:
/// `20us`, `1.5ms`, `-3s`.
std::string to_text(Duration duration);
/// As a duration since the world began; `never` for kNever.
std::string to_text(Time time);
/// 32 digits.
std::string to_text(const Digest& digest);
/// The value as it stands behind `name=` in a line: text in quotes only when it needs them, bytes
/// in hex and cut after 16.
std::string to_text(const FieldValue& value);

/// `   12.345678 ms  host-alpha  migration.round  job=1 vm=1 ...`, without a line end.
std::string text_line(const Event& event, const NodeNames& names);

/// `{"index":7,"time_ns":12345678,"node":1,"node_name":"host-alpha","event":"migration.round",
/// "level":0,"fields":{...}}`, without a line end. Integers are JSON numbers up to 64 bits, hex64,
/// digests and bytes are strings of hex digits, times and durations numbers of nanoseconds,
/// enumerations their names. Text that is not UTF-8 has U+FFFD in the wrong places.
std::string json_line(const Event& event, const NodeNames& names);

/// Prints every event that it sees. It should see node.added.
class LinePrinter : public Observer {
 public:
  enum class Form { Text, Json };
  LinePrinter(std::ostream& out, Form form) : out_(out), form_(form) {}
  void on_event(const Event& event) override;

 private:
  std::ostream& out_;
  Form form_;
  NodeNames names_;
};

}  // namespace traces
