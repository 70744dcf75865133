// Integration components that the host asks something and that answer (spec D.3: shutdown, KVP,
// VSS): one request at a time, the next one when the answer is there; who asked waits, but not for
// ever.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "hypervisor/vsp/integration_component.hpp"
#include "sim/kernel/sync.hpp"

namespace vsp {

/// How a question ended.
enum class IcOutcome : std::uint8_t {
  Answered,      ///< the answer says by its status how
  NotConnected,  ///< no guest has agreed on versions; or the one that had went away
  NotSupported,  ///< not in the version that the guest speaks
  Invalid,       ///< what was asked does not fit into the protocol's limits; nothing was sent
  TimedOut,
  Interrupted,  ///< the VM moved to another host meanwhile: the answer goes there
};

struct IcReply {
  IcOutcome outcome = IcOutcome::NotConnected;
  std::uint32_t status = 0;     ///< HRESULT, when answered
  std::vector<std::byte> body;  ///< when answered
  bool ok() const { return outcome == IcOutcome::Answered && status == icmsg::kOk; }
};

class IcConversation : public IntegrationComponent {
 public:
  ~IcConversation() override;
  /// A request is with the guest. Another one waits until it is answered, even when nobody waits
  /// for this answer any more.
  bool busy() const { return in_flight_.has_value(); }

 protected:
  using IntegrationComponent::IntegrationComponent;

  /// Sends a request in its turn and waits for the answer, from now until `patience` is over. The
  /// task must be of this component's node. The component may go away meanwhile: Interrupted.
  sim::Task<IcReply> ask(std::uint32_t operation, std::vector<std::byte> body,
                         sim::Duration patience);
  /// An answer came, whoever waits for it.
  virtual void on_answered(std::uint32_t /*operation*/, const Answer& /*answer*/) {}
  virtual void save_state(traces::ByteWriter& /*out*/) const {}
  virtual bool restore_state(traces::ByteReader& /*in*/) { return true; }

  void on_closed() override;
  void on_resume() override;

 private:
  /// One question; shared by who asks and the component, as either may go first.
  struct Question {
    std::uint32_t operation = 0;
    std::vector<std::byte> body;
    IcReply reply;
    sim::Signal done;
    IcConversation* component = nullptr;  ///< null: answered, or gone
  };
  /// In the frame of who asks: withdraws an open question with it.
  struct Asker {
    std::shared_ptr<Question> question;
    ~Asker();
  };
  struct InFlight {
    std::uint64_t request = 0;
    std::uint32_t operation = 0;
    std::shared_ptr<Question> question;  ///< null: nobody waits
  };

  void on_room() final;
  void on_answer(const Answer& answer) final;
  void save_more(traces::ByteWriter& out) const final;
  bool restore_more(traces::ByteReader& in) final;
  void pump();
  void end(const std::shared_ptr<Question>& question, IcOutcome outcome);
  void end_all(IcOutcome outcome);
  void emit_gave_up(std::uint32_t operation, const char* reason) const;

  std::deque<std::shared_ptr<Question>> waiting_;
  std::optional<InFlight> in_flight_;
};

}  // namespace vsp
