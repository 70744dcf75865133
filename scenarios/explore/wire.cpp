#include "scenarios/explore/wire.hpp"

#include <utility>

#include "traces/assert.hpp"
#include "traces/bytes.hpp"

namespace scenarios {

namespace {

// One list of fields serves both directions: each function hands every field to a Writer or to a
// Reader.

class Writer {
 public:
  void operator()(std::uint64_t& value) { out_.put(value); }
  void operator()(std::int64_t& value) { out_.put(value); }
  void operator()(std::uint32_t& value) { out_.put(value); }
  void operator()(bool& value) { out_.put<std::uint8_t>(value ? 1 : 0); }
  void operator()(std::string& value) { out_.text(value); }
  template <class T>
  void list(std::vector<T>& values) {
    out_.put<std::uint64_t>(values.size());
    for (T& value : values) fields(*this, value);
  }
  std::vector<std::byte> take() { return out_.take(); }
  void kind(std::size_t index) { out_.put<std::uint8_t>(static_cast<std::uint8_t>(index)); }

 private:
  traces::ByteWriter out_;
};

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : in_(bytes) {}
  void operator()(std::uint64_t& value) { value = in_.get<std::uint64_t>(); }
  void operator()(std::int64_t& value) { value = in_.get<std::int64_t>(); }
  void operator()(std::uint32_t& value) { value = in_.get<std::uint32_t>(); }
  void operator()(bool& value) { value = in_.get<std::uint8_t>() != 0; }
  void operator()(std::string& value) { value = in_.text(); }
  template <class T>
  void list(std::vector<T>& values) {
    values.resize(in_.count(1));
    for (T& value : values) fields(*this, value);
  }
  std::size_t kind() { return in_.get<std::uint8_t>(); }
  bool done() const { return in_.ok() && in_.at_end(); }

 private:
  traces::ByteReader in_;
};

template <class Archive>
void fields(Archive& a, std::uint64_t& value) {
  a(value);
}
template <class Archive>
void fields(Archive& a, std::uint32_t& value) {
  a(value);
}
template <class Archive>
void fields(Archive& a, std::string& value) {
  a(value);
}
template <class Archive>
void fields(Archive& a, Item& item) {
  std::uint64_t scenario = item.scenario;
  a(scenario);
  item.scenario = scenario;
  a(item.name.seed);
  a.list(item.name.mutants);
}
template <class Archive>
void fields(Archive& a, Violated& violated) {
  a(violated.property);
  a(violated.statement);
  a(violated.explanation);
  a(violated.time.ns);
}
template <class Archive>
void fields(Archive& a, Undecided& undecided) {
  a(undecided.property);
  a(undecided.explanation);
}
template <class Archive>
void fields(Archive& a, RunOrder& order) {
  fields(a, order.item);
  a(order.twin);
  a(order.twice);
  a(order.forks);
}
template <class Archive>
void fields(Archive& a, FinishOrder& order) {
  fields(a, order.item);
  a(order.property);
  a(order.yaml);
  a(order.trace);
  a(order.limit_ms);
  a(order.shrink);
}
template <class Archive>
void fields(Archive& a, RunBegan& began) {
  fields(a, began.item);
  a(began.fork);
}
template <class Archive>
void fields(Archive& a, RunEnded& ended) {
  fields(a, ended.item);
  a(ended.fork);
  a.list(ended.violated);
  a(ended.hash.high);
  a(ended.hash.low);
  a(ended.events);
  a(ended.end.ns);
  a(ended.took_us);
  a.list(ended.states);
  a.list(ended.points);
  a.list(ended.struck);
  a.list(ended.decided);
  a.list(ended.undecided);
}
template <class Archive>
void fields(Archive& a, ForkDied& died) {
  fields(a, died.item);
  a(died.text);
  a(died.killed);
}
template <class Archive>
void fields(Archive& a, FinishProgress& progress) {
  a(progress.tried);
  a(progress.causes);
}
template <class Archive>
void fields(Archive& a, Finished& finished) {
  fields(a, finished.item);
  a(finished.property);
  a(finished.error);
  a(finished.yaml);
  a(finished.story);
  a(finished.trace);
  a(finished.hash);
  a(finished.command);
  a.list(finished.causes);
  a(finished.tried);
  a(finished.minimal);
  bool has_critical = finished.critical.has_value();
  a(has_critical);
  traces::Time critical = finished.critical.value_or(traces::Time{});
  a(critical.ns);
  if (has_critical) finished.critical = critical;
}

template <class Variant>
std::vector<std::byte> encode_any(Variant message) {
  Writer writer;
  writer.kind(message.index());
  std::visit([&writer](auto& content) { fields(writer, content); }, message);
  return writer.take();
}

template <class Variant, std::size_t... kIndex>
Variant decode_any(std::span<const std::byte> bytes, std::index_sequence<kIndex...>) {
  Reader reader(bytes);
  const std::size_t kind = reader.kind();
  Variant message;
  ((kind == kIndex ? void(message.template emplace<kIndex>()) : void()), ...);
  std::visit([&reader](auto& content) { fields(reader, content); }, message);
  HVSIM_ASSERT(reader.done(), "a message between supervisor and worker is not what was sent");
  return message;
}

}  // namespace

std::vector<std::byte> encode(const Order& order) { return encode_any(order); }
std::vector<std::byte> encode(const Report& report) { return encode_any(report); }

Order decode_order(std::span<const std::byte> bytes) {
  return decode_any<Order>(bytes, std::make_index_sequence<std::variant_size_v<Order>>{});
}
Report decode_report(std::span<const std::byte> bytes) {
  return decode_any<Report>(bytes, std::make_index_sequence<std::variant_size_v<Report>>{});
}

}  // namespace scenarios
