#include "sim/net/stream.hpp"

#include <utility>

#include "sim/net/transport.hpp"

namespace sim::net {
namespace {

// Coroutines keep the connection by value: the Stream may go while they wait.

Task<StreamStatus> send_over(std::shared_ptr<Connection> connection, Side side, Message message) {
  End& end = connection->end(side);
  if (end.status != StreamStatus::Ok) co_return end.status;
  if (connection->transport == nullptr || !end.open()) co_return StreamStatus::Reset;
  const std::shared_ptr<Outgoing> out =
      connection->transport->send(end, Part::Data, std::move(message));
  co_await out->done.wait();
  co_return out->result;
}

Task<Stream::Received> receive_over(std::shared_ptr<Connection> connection, Side side,
                                    Time deadline) {
  End& end = connection->end(side);
  Stream::Received received;
  for (;;) {
    if (!end.inbox.empty()) {
      received.status = StreamStatus::Ok;
      received.message = std::move(end.inbox.front());
      end.inbox.pop_front();
      break;
    }
    if (end.status != StreamStatus::Ok) {
      received.status = end.status;
      break;
    }
    end.readable.reset();
    const bool readable = co_await end.readable.wait_until(deadline);
    if (!readable) {
      received.status = StreamStatus::TimedOut;
      break;
    }
  }
  co_return std::move(received);
}

class SimulatedStream final : public Stream {
 public:
  SimulatedStream(std::shared_ptr<Connection> connection, Side side)
      : connection_(std::move(connection)), side_(side) {}
  ~SimulatedStream() override {
    if (connection_->transport != nullptr) connection_->transport->desert(end());
  }
  SimulatedStream(const SimulatedStream&) = delete;

  std::uint64_t number() const override { return connection_->number; }
  NodeId peer() const override { return end().peer().node.id(); }
  StreamStatus status() const override { return end().status; }
  Task<StreamStatus> send(Message message) override {
    return send_over(connection_, side_, std::move(message));
  }
  Task<Received> receive(Time deadline) override {
    return receive_over(connection_, side_, deadline);
  }
  void close() override {
    if (connection_->transport != nullptr) connection_->transport->close(end());
  }

 private:
  End& end() const { return connection_->end(side_); }

  std::shared_ptr<Connection> connection_;
  Side side_;
};

}  // namespace

std::shared_ptr<Stream> make_stream(std::shared_ptr<Connection> connection, Side side) {
  return std::make_shared<SimulatedStream>(std::move(connection), side);
}

Task<std::shared_ptr<Stream>> connect_stream(Transport& transport, Node& from, Node& to,
                                             std::string service, Duration give_up,
                                             Duration patience, std::string network) {
  std::shared_ptr<Outgoing> hello = transport.open(from, to, service, network, give_up, patience);
  // The Stream exists from the first frame on: whoever ends this task deserts the connection.
  std::shared_ptr<Stream> stream =
      make_stream(hello->end.connection.shared_from_this(), Side::Client);
  co_await hello->done.wait();
  if (hello->result != StreamStatus::Ok) co_return nullptr;
  co_return stream;
}

}  // namespace sim::net
