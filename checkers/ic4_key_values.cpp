// IC-4 (spec I.8, D.3): what the host put into a pool that only it fills is there until it takes it
// out, with the value that it gave; a list does not end before all of that was listed. Sizes of
// keys and values are within their limits and count the zero at the end.
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "checkers/ic_messages.hpp"
#include "checkers/little_endian.hpp"
#include "checkers/makers.hpp"

namespace checkers {

namespace {

using Bytes = std::vector<std::byte>;

constexpr std::size_t kKeyBytes = 512;
constexpr std::size_t kValueBytes = 2048;
enum Operation : std::uint8_t { kGet, kSet, kDelete, kEnumerate };

struct Item {
  std::uint32_t type = 0;
  Bytes key, value;
};

/// Text of UTF-16 with a zero at its end and nowhere else.
bool is_text(const Bytes& text) {
  if (text.size() < 2 || text.size() % 2 != 0) return false;
  for (std::size_t at = 0; at < text.size(); at += 2) {
    const bool zero = text[at] == std::byte{0} && text[at + 1] == std::byte{0};
    if (zero != (at + 2 == text.size())) return false;
  }
  return true;
}

/// {type, key size, value size, key, value} at an offset. Nothing when it does not lie within.
std::optional<Item> item_at(const Bytes& body, std::size_t at) {
  constexpr std::size_t kHead = 12;
  if (body.size() < at + kHead + kKeyBytes + kValueBytes) return std::nullopt;
  const auto key = load<std::uint32_t>(body, at + 4);
  const auto value = load<std::uint32_t>(body, at + 8);
  if (key > kKeyBytes || value > kValueBytes) return std::nullopt;
  const auto part = [&](std::size_t from, std::size_t bytes) {
    const auto first = body.begin() + static_cast<std::ptrdiff_t>(from);
    return Bytes(first, first + static_cast<std::ptrdiff_t>(bytes));
  };
  return Item{load<std::uint32_t>(body, at), part(at + kHead, key),
              part(at + kHead + kKeyBytes, value)};
}

bool value_valid(const Item& item) {
  constexpr std::uint32_t kText = 1, kNumber32 = 4, kNumber64 = 8;
  if (item.type == kText) return is_text(item.value);
  return (item.type == kNumber32 || item.type == kNumber64) && item.value.size() == item.type;
}

class KeyValues final : public IcProperty {
 public:
  KeyValues()
      : IcProperty("IC-4", "a pool that the host fills holds what the host put there", {}) {}

 private:
  static constexpr std::uint8_t kHostsPool = 0;

  struct Pool {
    std::map<Bytes, Item> items;          ///< those that the host knows to be there
    std::map<std::uint64_t, Bytes> open;  ///< requests, by transaction
  };

  void said(const traces::Event& event, const IcKey& key, const IcMessage& message) override {
    if (key.component != traces::IcComponent::KeyValue) return;
    Pool& pool = pools_[key.vm];
    if (message.negotiates()) {
      // Its daemon may have been started anew, and its pools with it.
      if (!message.from_guest) pool = {};
    } else if (!message.from_guest) {
      ++requests_;
      pool.open[message.transaction] = message.body;
      request(event, message.body);
    } else if (const auto asked = pool.open.find(message.transaction);
               message.answers() && asked != pool.open.end()) {
      const Bytes question = std::move(asked->second);
      pool.open.erase(asked);
      if (question.size() >= 8 && load<std::uint8_t>(question, 1) == kHostsPool) {
        answer(event, question, message, pool);
      }
    }
  }

  void request(const traces::Event& event, const Bytes& body) {
    if (body.size() < 8) return violate(event, "a KVP request is cut short");
    const auto operation = load<std::uint8_t>(body, 0);
    if (operation == kEnumerate) return;
    const auto key = key_of(body);
    if (!key || !is_text(*key)) {
      return violate(event, "the key of a KVP request is no text of the size that it states");
    }
    const auto item = item_at(body, 4);
    if (operation == kSet && (!item || !value_valid(*item))) {
      violate(event, "the value of a KVP request is not of the type and size that it states");
    }
  }

  static std::optional<Bytes> key_of(const Bytes& body) {
    if (load<std::uint8_t>(body, 0) != kDelete) {
      const auto item = item_at(body, 4);
      return item ? std::optional(item->key) : std::nullopt;
    }
    const auto bytes = load<std::uint32_t>(body, 4);
    if (bytes > kKeyBytes || body.size() < 8 + bytes) return std::nullopt;
    return Bytes(body.begin() + 8, body.begin() + 8 + bytes);
  }

  void answer(const traces::Event& event, const Bytes& question, const IcMessage& message,
              Pool& pool) {
    constexpr std::uint32_t kNone = 0x80070103;
    const bool good = message.status == 0, none = message.status == kNone;
    const auto operation = load<std::uint8_t>(question, 0);
    if (operation == kEnumerate) return listed(event, question, message, good, none, pool);
    const auto key = key_of(question);
    if (!key) return;
    const auto known = pool.items.find(*key);
    if (none && known != pool.items.end()) {
      violate(event, "a KVP item that the host put there is not there");
    }
    if (!good) return;
    if (operation == kSet) {
      if (auto item = item_at(question, 4)) pool.items[*key] = std::move(*item);
    } else if (operation == kDelete) {
      pool.items.erase(*key);
    } else if (const auto item = item_at(message.body, 4); item && known != pool.items.end()) {
      compare(event, *item, known->second);
    }
  }

  void listed(const traces::Event& event, const Bytes& question, const IcMessage& message,
              bool good, bool none, const Pool& pool) {
    const auto index = load<std::uint32_t>(question, 4);
    if (none && index < pool.items.size()) {
      violate(event, "a KVP list ends at " + std::to_string(index) + " of at least " +
                         std::to_string(pool.items.size()) + " items");
    }
    const auto item = good ? item_at(message.body, 8) : std::nullopt;
    if (!item) return;
    const auto known = pool.items.find(item->key);
    if (known != pool.items.end()) compare(event, *item, known->second);
  }

  /// Linux keeps numbers as text, so only texts can be compared.
  void compare(const traces::Event& event, const Item& read, const Item& written) {
    constexpr std::uint32_t kText = 1;
    ++compared_;
    if (written.type != kText || read.type != kText || read.value == written.value) return;
    violate(event, "a KVP item has another value than the host gave it");
  }

  std::string measured() const override {
    return std::to_string(requests_) + " requests, " + std::to_string(compared_) +
           " values compared";
  }

  std::map<std::uint32_t, Pool> pools_;  // the host's pool of each VM
  std::uint64_t requests_ = 0;
  std::uint64_t compared_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_ic4() { return std::make_unique<KeyValues>(); }

}  // namespace checkers
