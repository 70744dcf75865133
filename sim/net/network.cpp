#include "sim/net/network.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "sim/net/segment.hpp"
#include "sim/net/stream.hpp"
#include "sim/net/topology.hpp"
#include "sim/net/transport.hpp"

namespace sim {

struct Network::Impl {
  explicit Impl(World& world) : world(world), transport(world) {
    transport.on_lost = [this](const net::Direction* direction, const net::Pair* pair) {
      for (const auto& [network, segment] : segments) {
        if (direction != nullptr) segment->emptied(*direction);
        if (pair != nullptr) segment->pair_cut(*pair);
      }
    };
  }
  World& world;
  net::Transport transport;
  std::map<std::string, std::shared_ptr<net::Segment>> segments;  ///< by network
};

Network::Network(World& world) : impl_(std::make_unique<Impl>(world)) {}
Network::~Network() = default;

void Network::add_link(const LinkConfig& config, Node& a, Node& b) {
  impl_->transport.know(a);
  impl_->transport.know(b);
  impl_->transport.topology().add_link(config, a, b);
}

void Network::cut(std::string_view link, NodeId from, const std::string& rule) {
  for (net::Direction* direction : impl_->transport.topology().directions(link)) {
    if (from == NodeId{} || direction->from->id() == from) impl_->transport.cut(*direction, rule);
  }
}

void Network::heal(std::string_view link, NodeId from, const std::string& rule) {
  for (net::Direction* direction : impl_->transport.topology().directions(link)) {
    if (from == NodeId{} || direction->from->id() == from) impl_->transport.heal(*direction, rule);
  }
}

void Network::cut_pair(std::string_view link, NodeId from, NodeId to, const std::string& rule) {
  impl_->transport.cut_pair({std::string(link), from, to}, rule);
}

void Network::heal_pair(std::string_view link, NodeId from, NodeId to, const std::string& rule) {
  impl_->transport.heal_pair({std::string(link), from, to}, rule);
}

bool Network::up(std::string_view link, NodeId from) const {
  return impl_->transport.topology().direction(link, from).up;
}

void Network::set_rule(const LinkEnd& end, const std::string& rule, const LinkFaults& faults) {
  net::Direction& direction = impl_->transport.topology().direction(end.link, end.from);
  direction.rules.insert_or_assign(rule, faults);
  impl_->transport.rules_changed(direction);
}

void Network::clear_rule(const LinkEnd& end, const std::string& rule) {
  net::Direction& direction = impl_->transport.topology().direction(end.link, end.from);
  direction.rules.erase(rule);
  impl_->transport.rules_changed(direction);
}

bool Network::has_link(std::string_view link) const {
  return impl_->transport.topology().has_link(link);
}

std::uint64_t Network::path_rate(NodeId from, NodeId to, std::string_view network) const {
  const net::Path& path = impl_->transport.topology().path(from, to, network);
  if (!path.connected) return 0;
  std::uint64_t rate = kLoopbackRate;
  for (const net::Direction* direction : path.hops) {
    rate = std::min(rate, direction->rate() / 8);
  }
  return rate;
}

void Network::listen(Node& node, std::string service, Acceptor acceptor) {
  impl_->transport.listen(node, std::move(service), std::move(acceptor));
}

Task<std::shared_ptr<Stream>> Network::connect(Node& from, NodeId to, std::string service,
                                               Duration give_up, Duration patience,
                                               std::string network) {
  return net::connect_stream(impl_->transport, from, from.world().node(to), std::move(service),
                             give_up, patience, std::move(network));
}

std::unique_ptr<FrameStation> Network::attach_station(Node& node, const std::string& network,
                                                      FrameReceiver& receiver) {
  impl_->transport.know(node);
  auto& segment = impl_->segments[network];
  if (!segment) {
    segment = std::make_shared<net::Segment>(impl_->world, impl_->transport.topology(), network);
  }
  return segment->attach(node, receiver);
}

}  // namespace sim
