// SV-1 (spec I.6, D.1): an adapter takes the steps of its handshake in their order, each once:
// begin, version, properties, end. Before the end no SCSI command is carried out.
//
// What the guest asked and what it was answered is read from the channel's rings.
#include <map>
#include <string>
#include <utility>

#include "checkers/makers.hpp"
#include "checkers/storage_packets.hpp"

namespace checkers {

namespace {

class StorageHandshake final : public StorageProperty {
 public:
  StorageHandshake()
      : StorageProperty("SV-1", "a storage adapter serves nobody before its handshake is done") {}

 private:
  enum class Phase : std::uint8_t { Fresh, Begun, Agreed, Described, Ready };
  struct Adapter {
    Phase phase = Phase::Fresh;
    std::map<std::uint64_t, std::uint32_t> open;  // operation, by transaction
    bool unseen = false;                          // its first step was taken before the trace
  };

  void begins_anew(std::uint32_t vm) override { adapters_.erase(vm); }
  void goes_on(std::uint32_t vm) override { adapters_[vm].unseen = true; }

  void said(const traces::Event& event, std::uint32_t vm, const StoragePacket& packet) override {
    Adapter& adapter = adapters_[vm];
    if (packet.from_guest) {
      if (!packet.completes) adapter.open[packet.transaction] = packet.operation;
      return;
    }
    const auto asked = adapter.open.find(packet.transaction);
    if (!packet.completes || asked == adapter.open.end()) return;
    const std::uint32_t operation = asked->second;
    adapter.open.erase(asked);
    if (packet.status != 0) return;
    switch (operation) {
      case storage::kBegin:
        return step(event, vm, adapter, Phase::Fresh, "a second beginning");
      case storage::kQueryVersion:
        return step(event, vm, adapter, Phase::Begun, "a version");
      case storage::kQueryProperties:
        return step(event, vm, adapter, Phase::Agreed, "a question for properties");
      case storage::kEnd:
        return step(event, vm, adapter, Phase::Described, "the end of the handshake");
      case storage::kExecuteSrb:
        ++commands_;
        if (std::exchange(adapter.unseen, false)) adapter.phase = Phase::Ready;
        if (adapter.phase == Phase::Ready) return;
        violate(event, "the adapter of VM " + std::to_string(vm) +
                           " carries out a command before its handshake is done");
        return;
      default:
        return;
    }
  }

  void step(const traces::Event& event, std::uint32_t vm, Adapter& adapter, Phase from,
            const char* what) {
    if (adapter.phase != from && !std::exchange(adapter.unseen, false)) {
      violate(event,
              "the adapter of VM " + std::to_string(vm) + " accepts " + what + " out of its order");
    }
    adapter.phase = static_cast<Phase>(static_cast<std::uint8_t>(from) + 1);
    if (adapter.phase == Phase::Ready) ++handshakes_;
  }

  std::string measured() const override {
    return std::to_string(handshakes_) + " handshakes, " + std::to_string(commands_) + " commands";
  }

  std::map<std::uint32_t, Adapter> adapters_;  // by VM
  std::uint64_t handshakes_ = 0;
  std::uint64_t commands_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_sv1() { return std::make_unique<StorageHandshake>(); }

}  // namespace checkers
