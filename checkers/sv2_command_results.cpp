// SV-2 (spec I.6, D.1): every SCSI command is completed once, with no more bytes than it asked for;
// a read that succeeds has filled its buffer; sense data come with their flag, and only with it.
//
// Both sides are read from the channel's rings, as the guest sees them.
#include <map>
#include <string>

#include "checkers/makers.hpp"
#include "checkers/storage_packets.hpp"

namespace checkers {

namespace {

class CommandResults final : public StorageProperty {
 public:
  CommandResults()
      : StorageProperty("SV-2",
                        "a SCSI command is completed once, with what it asked for at most") {}

 private:
  struct Command {
    std::uint32_t bytes = 0;
    std::uint8_t opcode = 0;
  };

  void begins_anew(std::uint32_t vm) override { open_.erase(vm); }

  void said(const traces::Event& event, std::uint32_t vm, const StoragePacket& packet) override {
    auto& open = open_[vm];
    if (packet.from_guest) {
      if (!packet.completes && packet.operation == storage::kExecuteSrb) {
        open[packet.transaction] = {packet.bytes, packet.opcode};
      }
      return;
    }
    const auto asked = open.find(packet.transaction);
    if (!packet.completes || asked == open.end()) return;
    const Command command = asked->second;
    open.erase(asked);
    if (packet.status == 0) result(event, vm, command, packet);
  }

  void result(const traces::Event& event, std::uint32_t vm, const Command& command,
              const StoragePacket& packet) {
    ++completed_;
    constexpr std::uint8_t kCheckCondition = 2;
    const std::string who = "a command of VM " + std::to_string(vm) + " that asked for " +
                            std::to_string(command.bytes) + " bytes";
    const bool good = (packet.srb_status & storage::kStatusBits) == storage::kSrbSuccess &&
                      packet.scsi_status == 0;
    if (packet.bytes > command.bytes) {
      violate(event, who + " is completed with " + std::to_string(packet.bytes));
    } else if (good && reads(command.opcode) && packet.bytes != command.bytes) {
      violate(event, who + " to read succeeds with " + std::to_string(packet.bytes));
    }
    const bool sense = (packet.srb_status & storage::kAutosense) != 0;
    if (sense != (packet.scsi_status == kCheckCondition)) {
      violate(event, who + (sense ? " has sense data without CHECK CONDITION"
                                  : " ends with CHECK CONDITION but without sense data"));
    }
  }

  static bool reads(std::uint8_t opcode) {
    constexpr std::uint8_t kRead6 = 0x08, kRead10 = 0x28, kRead12 = 0xA8, kRead16 = 0x88;
    return opcode == kRead6 || opcode == kRead10 || opcode == kRead12 || opcode == kRead16;
  }

  std::string measured() const override { return std::to_string(completed_) + " commands"; }

  std::map<std::uint32_t, std::map<std::uint64_t, Command>> open_;  // by VM and transaction
  std::uint64_t completed_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_sv2() { return std::make_unique<CommandResults>(); }

}  // namespace checkers
