// The key-value pair integration component, host side (spec D.3): reads and writes items of the
// pools that a guest keeps.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hypervisor/vsp/ic_conversation.hpp"

namespace vsp {

/// Who fills a pool.
enum class KvpPool : std::uint8_t {
  External,      ///< the host, for the guest
  Guest,         ///< the guest, for the host
  Auto,          ///< the guest by itself: name, addresses, versions (KvpAuto)
  AutoExternal,  ///< the host by itself
};

/// Items of KvpPool::Auto by index (spec D.3).
enum class KvpAuto : std::uint8_t {
  FullyQualifiedName,
  IntegrationVersion,
  AddressesV4,
  AddressesV6,
  OsBuild,
  OsName,
  OsMajor,
  OsMinor,
  OsVersion,
  ProcessorArchitecture,
};

/// A value's type as in a registry. Numbers are text here: "17".
enum class KvpType : std::uint32_t { Text = 1, Number32 = 4, Number64 = 8 };

struct KvpItem {
  std::string key;
  std::string value;
  KvpType type = KvpType::Text;
  friend bool operator==(const KvpItem&, const KvpItem&) = default;
};

struct KvpResult {
  IcOutcome outcome = IcOutcome::NotConnected;
  std::uint32_t status = 0;     ///< HRESULT, when answered
  std::optional<KvpItem> item;  ///< what was read
  bool ok() const { return outcome == IcOutcome::Answered && status == icmsg::kOk; }
  /// There is no such item, or none of this index and of higher ones.
  bool none() const { return outcome == IcOutcome::Answered && status == icmsg::kNoMoreItems; }
};

/// All items of a pool, as far as they could be read.
struct KvpList {
  KvpResult end;  ///< none() when the list is complete
  std::vector<KvpItem> items;
};

struct KeyValueConfig {
  std::uint32_t vm = 0;
  sim::Duration patience{30'000'000'000};
};

class KeyValue final : public IcConversation {
 public:
  KeyValue(hv::Partition& partition, const KeyValueConfig& config);

  /// Keys have 1 to 255 UTF-16 units, values up to 1023; otherwise Invalid.
  sim::Task<KvpResult> set(KvpPool pool, KvpItem item);
  sim::Task<KvpResult> get(KvpPool pool, std::string key);
  sim::Task<KvpResult> remove(KvpPool pool, std::string key);
  /// By index, from 0.
  sim::Task<KvpResult> item(KvpPool pool, std::uint32_t index);
  /// By its key as get(), but read item by item; none() when there is none. So a Linux is asked:
  /// its driver answers a get() without the value's first four bytes, as it looks for them where an
  /// answer to item() has them (drivers/hv/hv_kvp.c, kvp_respond_to_host, 6.1 and 6.12).
  sim::Task<KvpResult> find(KvpPool pool, std::string key);
  /// Item by item; the guest may change the pool meanwhile.
  sim::Task<KvpList> items(KvpPool pool);

 private:
  sim::Task<KvpResult> exchange(icmsg::KvpOperation operation, std::vector<std::byte> body);

  KeyValueConfig config_;
};

}  // namespace vsp
