#include "hypervisor/vsp/key_value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

#include "hypervisor/vsp/utf16.hpp"

namespace vsp {
namespace {

using icmsg::KvpOperation;

constexpr icmsg::Version kKeyValueFrameworks[] = {{3, 0}, {1, 0}};
constexpr icmsg::Version kKeyValueMessages[] = {{4, 0}, {3, 0}, {1, 0}};
constexpr IcKind kKeyValueKind{
    traces::IcComponent::KeyValue,
    icmsg::Type::KeyValue,
    vmbus::kKeyValueInterface,
    vmbus::kKeyValueInstance,
    kKeyValueFrameworks,
    kKeyValueMessages,
    0x3150564B,  // "KVP1"
};

/// The guest's memory for a list is not the host's worry; a list without an end is.
constexpr std::uint32_t kMostItems = 1024;

template <std::size_t N>
bool put_text(std::string_view text, std::array<std::byte, N>& out, std::uint32_t& bytes) {
  const auto wide = utf16_of(text);
  if (!wide || wide->size() > N) return false;
  std::copy(wide->begin(), wide->end(), out.begin());
  bytes = static_cast<std::uint32_t>(wide->size());
  return true;
}

bool put_key(std::string_view key, std::array<std::byte, icmsg::kKvpKeyBytes>& out,
             std::uint32_t& bytes) {
  return !key.empty() && put_text(key, out, bytes);
}

template <class Number>
bool put_number(std::string_view text, icmsg::KvpValue& out) {
  Number number = 0;
  const auto end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || last != end) return false;
  std::memcpy(out.value.data(), &number, sizeof(number));
  out.value_bytes = sizeof(number);
  return true;
}

bool put_value(const KvpItem& item, icmsg::KvpValue& out) {
  out.type = static_cast<std::uint32_t>(item.type);
  switch (item.type) {
    case KvpType::Text:
      return put_text(item.value, out.value, out.value_bytes);
    case KvpType::Number32:
      return put_number<std::uint32_t>(item.value, out);
    case KvpType::Number64:
      return put_number<std::uint64_t>(item.value, out);
  }
  return false;
}

/// Lengths are the guest's and may be anything.
std::optional<std::string> text_in(std::span<const std::byte> buffer, std::uint32_t bytes) {
  if (bytes > buffer.size()) return std::nullopt;
  return utf8_of(buffer.first(bytes));
}

std::optional<KvpItem> item_of(const icmsg::KvpValue& value, bool with_key) {
  KvpItem item;
  item.type = static_cast<KvpType>(value.type);
  if (with_key) {
    const auto key = text_in(value.key, value.key_bytes);
    if (!key) return std::nullopt;
    item.key = *key;
  }
  const auto number = [&]<class Number>(Number read) {
    std::memcpy(&read, value.value.data(), sizeof(read));
    return std::to_string(read);
  };
  switch (item.type) {
    case KvpType::Text: {
      const auto text = text_in(value.value, value.value_bytes);
      if (!text) return std::nullopt;
      item.value = *text;
      return item;
    }
    case KvpType::Number32:
      item.value = number(std::uint32_t{});
      return item;
    case KvpType::Number64:
      item.value = number(std::uint64_t{});
      return item;
  }
  return std::nullopt;
}

/// Every request has the length of the longest: guests look into it without asking.
template <class... Parts>
std::vector<std::byte> body_of(KvpOperation operation, KvpPool pool, const Parts&... parts) {
  icmsg::KvpHeader header;
  header.operation = operation;
  header.pool = static_cast<std::uint8_t>(pool);
  std::vector<std::byte> body;
  icmsg::append(body, header);
  (icmsg::append(body, parts), ...);
  body.resize(icmsg::kKvpBytes);
  return body;
}

KvpResult invalid() {
  KvpResult result;
  result.outcome = IcOutcome::Invalid;
  return result;
}

}  // namespace

KeyValue::KeyValue(hv::Partition& partition, const KeyValueConfig& config)
    : IcConversation(partition, config.vm, kKeyValueKind), config_(config) {}

sim::Task<KvpResult> KeyValue::exchange(KvpOperation operation, std::vector<std::byte> body) {
  const IcReply reply =
      co_await ask(static_cast<std::uint32_t>(operation), std::move(body), config_.patience);
  KvpResult result;
  result.outcome = reply.outcome;
  result.status = reply.status;
  const bool reads = operation == KvpOperation::Get || operation == KvpOperation::Enumerate;
  if (!reply.ok() || !reads) co_return result;
  std::span<const std::byte> rest(reply.body);
  icmsg::KvpHeader header;
  std::uint32_t index = 0;
  icmsg::KvpValue value;
  const bool by_index = operation == KvpOperation::Enumerate;
  if (icmsg::take(rest, header) && (!by_index || icmsg::take(rest, index)) &&
      icmsg::take(rest, value)) {
    result.item = item_of(value, true);
  }
  // What cannot be understood is a failure of the guest's.
  if (!result.item) result.status = icmsg::kFailed;
  co_return result;
}

sim::Task<KvpResult> KeyValue::set(KvpPool pool, KvpItem item) {
  icmsg::KvpValue value;
  if (!put_key(item.key, value.key, value.key_bytes) || !put_value(item, value)) {
    co_return invalid();
  }
  if (plant("kvp.size-without-end")) value.key_bytes -= sizeof(char16_t);
  std::vector<std::byte> body = body_of(KvpOperation::Set, pool, value);
  KvpResult result = co_await exchange(KvpOperation::Set, std::move(body));
  co_return result;
}

sim::Task<KvpResult> KeyValue::get(KvpPool pool, std::string key) {
  icmsg::KvpValue value;
  if (!put_key(key, value.key, value.key_bytes)) co_return invalid();
  std::vector<std::byte> body = body_of(KvpOperation::Get, pool, value);
  KvpResult result = co_await exchange(KvpOperation::Get, std::move(body));
  co_return result;
}

sim::Task<KvpResult> KeyValue::remove(KvpPool pool, std::string key) {
  icmsg::KvpKey wanted;
  if (!put_key(key, wanted.key, wanted.key_bytes)) co_return invalid();
  std::vector<std::byte> body = body_of(KvpOperation::Delete, pool, wanted);
  KvpResult result = co_await exchange(KvpOperation::Delete, std::move(body));
  co_return result;
}

sim::Task<KvpResult> KeyValue::item(KvpPool pool, std::uint32_t index) {
  std::vector<std::byte> body = body_of(KvpOperation::Enumerate, pool, index);
  KvpResult result = co_await exchange(KvpOperation::Enumerate, std::move(body));
  co_return result;
}

sim::Task<KvpResult> KeyValue::find(KvpPool pool, std::string key) {
  KvpResult result;
  for (std::uint32_t index = 0; index < kMostItems; ++index) {
    result = co_await item(pool, index);
    if (!result.ok() || result.item->key == key) break;
  }
  co_return result;
}

sim::Task<KvpList> KeyValue::items(KvpPool pool) {
  KvpList list;
  for (std::uint32_t index = 0; index < kMostItems; ++index) {
    list.end = co_await item(pool, index);
    if (!list.end.ok()) break;
    list.items.push_back(*list.end.item);
  }
  co_return list;
}

}  // namespace vsp
