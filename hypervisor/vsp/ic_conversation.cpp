#include "hypervisor/vsp/ic_conversation.hpp"

#include <algorithm>
#include <utility>

#include "sim/kernel/node.hpp"

namespace vsp {

IcConversation::~IcConversation() { end_all(IcOutcome::Interrupted); }

sim::Task<IcReply> IcConversation::ask(std::uint32_t operation, std::vector<std::byte> body,
                                       sim::Duration patience) {
  IcReply refused;
  if (!ready()) {
    emit_gave_up(operation, "refused");
    co_return refused;
  }
  sim::Node& here = node();
  const auto question = std::make_shared<Question>();
  question->operation = operation;
  question->body = std::move(body);
  question->component = this;
  const Asker asker{question};
  waiting_.push_back(question);
  pump();
  const sim::Time deadline = here.now() + patience;
  co_await question->done.wait_until(deadline);
  if (!question->done.raised()) {
    question->reply.outcome = IcOutcome::TimedOut;
    emit_gave_up(operation, "timeout");
  }
  IcReply reply = std::move(question->reply);
  co_return reply;
}

void IcConversation::pump() {
  while (ready() && !quiesced() && !waiting_.empty()) {
    if (in_flight_ && !plant("ic.two-at-a-time")) return;
    const std::shared_ptr<Question> question = waiting_.front();
    if (!request(question->body)) return;  // on_room() comes
    waiting_.pop_front();
    in_flight_ = InFlight{requests(), question->operation, question};
    traces::ev::IcRequest event;
    event.component = kind().component;
    event.operation = question->operation;
    event.transaction = requests();
    emit(event);
  }
}

void IcConversation::on_answer(const Answer& answer) {
  if (!in_flight_ || answer.request != in_flight_->request) return;  // stale, or made up
  const InFlight done = std::move(*in_flight_);
  in_flight_.reset();
  traces::ev::IcResponse event;
  event.component = kind().component;
  event.operation = done.operation;
  event.transaction = done.request;
  event.status = answer.status;
  emit(event);
  on_answered(done.operation, answer);
  if (done.question != nullptr) {
    done.question->reply.status = answer.status;
    done.question->reply.body.assign(answer.body.begin(), answer.body.end());
    end(done.question, IcOutcome::Answered);
  }
  pump();
}

/// Who asked has gone, or waits no longer. What is with the guest stays there until it answers.
IcConversation::Asker::~Asker() {
  if (question->component == nullptr) return;
  IcConversation& component = *question->component;
  std::erase(component.waiting_, question);
  if (component.in_flight_ && component.in_flight_->question == question) {
    component.in_flight_->question.reset();
  }
}

void IcConversation::end(const std::shared_ptr<Question>& question, IcOutcome outcome) {
  question->reply.outcome = outcome;
  question->component = nullptr;
  question->done.raise();
}

void IcConversation::end_all(IcOutcome outcome) {
  std::deque<std::shared_ptr<Question>> all = std::move(waiting_);
  waiting_.clear();
  if (in_flight_ && in_flight_->question != nullptr) all.push_front(in_flight_->question);
  in_flight_.reset();
  for (const auto& question : all) end(question, outcome);
}

void IcConversation::on_closed() {
  for (const auto& question : waiting_) emit_gave_up(question->operation, "closed");
  if (in_flight_) emit_gave_up(in_flight_->operation, "closed");
  end_all(IcOutcome::NotConnected);
}

void IcConversation::on_room() { pump(); }

void IcConversation::on_resume() { pump(); }

void IcConversation::emit_gave_up(std::uint32_t operation, const char* reason) const {
  traces::ev::IcGaveUp event;
  event.component = kind().component;
  event.operation = operation;
  event.reason = reason;
  emit(event);
}

// What waits for its turn belongs to who asked and stays on this host. What is with the guest goes
// along: the next host may not ask before it is answered.
void IcConversation::save_more(traces::ByteWriter& out) const {
  out.put<std::uint8_t>(in_flight_.has_value());
  out.put<std::uint64_t>(in_flight_ ? in_flight_->request : 0);
  out.put<std::uint32_t>(in_flight_ ? in_flight_->operation : 0);
  save_state(out);
}

bool IcConversation::restore_more(traces::ByteReader& in) {
  const auto has = in.get<std::uint8_t>();
  const auto number = in.get<std::uint64_t>();
  const auto operation = in.get<std::uint32_t>();
  if (!in.ok() || has > 1 || (has == 0) != (number == 0) || number > requests()) return false;
  if (has == 1 && !ready()) return false;
  in_flight_.reset();
  if (has == 1 && !plant("ic.restore-forgets-request")) {
    in_flight_ = InFlight{number, operation, nullptr};
  }
  return restore_state(in);
}

}  // namespace vsp
