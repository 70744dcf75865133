#include "hypervisor/migration/protocol.hpp"

namespace migration {

namespace {

constexpr std::uint64_t kFrameBytes = 16;  // kind, length, round; our own framing

}  // namespace

void Hello::encode(traces::ByteWriter& out) const {
  out.put(kProtocolVersion);
  out.put(job);
  config.encode(out);
}

std::optional<Hello> Hello::decode(std::span<const std::byte> body) {
  traces::ByteReader in(body);
  if (in.get<std::uint32_t>() != kProtocolVersion) return std::nullopt;
  Hello hello;
  hello.job = in.get<std::uint64_t>();
  auto config = VmConfig::decode(in);
  if (!config || !in.at_end()) return std::nullopt;
  hello.config = std::move(*config);
  return hello;
}

void StateMessage::encode(traces::ByteWriter& out) const {
  out.put(memory.high);
  out.put(memory.low);
  out.put(pages);
  out.put<std::uint8_t>(verify ? 1 : 0);
  out.block(state);
}

std::optional<StateMessage> StateMessage::decode(std::span<const std::byte> body) {
  traces::ByteReader in(body);
  StateMessage message;
  message.memory.high = in.get<std::uint64_t>();
  message.memory.low = in.get<std::uint64_t>();
  message.pages = in.get<std::uint64_t>();
  message.verify = in.get<std::uint8_t>() != 0;
  const auto state = in.block();
  if (!in.ok() || !in.at_end()) return std::nullopt;
  message.state.assign(state.begin(), state.end());
  return message;
}

sim::Message make_message(Kind kind, std::vector<std::byte> body) {
  sim::Message message;
  message.kind = static_cast<std::uint32_t>(kind);
  message.bytes = kFrameBytes + body.size();
  message.body = std::move(body);
  return message;
}

sim::Message make_text(Kind kind, const std::string& text) {
  traces::ByteWriter out;
  out.text(text);
  return make_message(kind, out.take());
}

sim::Message make_numbers(Kind kind, std::initializer_list<std::uint64_t> numbers) {
  traces::ByteWriter out;
  for (std::uint64_t number : numbers) out.put(number);
  return make_message(kind, out.take());
}

std::optional<std::vector<std::uint64_t>> numbers_of(const sim::Message& message,
                                                     std::size_t count) {
  if (message.body.size() != count * sizeof(std::uint64_t)) return std::nullopt;
  traces::ByteReader in(message.body);
  std::vector<std::uint64_t> numbers;
  for (std::size_t i = 0; i < count; ++i) numbers.push_back(in.get<std::uint64_t>());
  return numbers;
}

std::string text_of(const sim::Message& message) {
  traces::ByteReader in(message.body);
  std::string text = in.text();
  return in.ok() ? text : "unreadable reason";
}

sim::Message make_pages(std::uint32_t round, std::shared_ptr<const sim::PageBatch> batch) {
  sim::Message message = make_numbers(Kind::Pages, {round});
  message.bytes += batch->wire_bytes;
  message.bulk = std::move(batch);
  return message;
}

}  // namespace migration
