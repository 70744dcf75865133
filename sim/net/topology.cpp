#include "sim/net/topology.hpp"

#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/breadth_first_search.hpp>
#include <boost/graph/filtered_graph.hpp>
#include <boost/graph/reverse_graph.hpp>
#include <boost/graph/visitors.hpp>
#include <climits>
#include <map>
#include <utility>

#include "traces/assert.hpp"

namespace sim::net {
namespace {

struct Edge {
  Direction* direction = nullptr;
};
using Links = boost::adjacency_list<boost::vecS, boost::vecS, boost::bidirectionalS, Node*, Edge>;
using Vertex = boost::graph_traits<Links>::vertex_descriptor;
using EdgeId = boost::graph_traits<Links>::edge_descriptor;

constexpr int kUnreachable = INT_MAX;

bool relays(const Node& node) { return node.kind() == "switch" && node.alive() && !node.paused(); }

/// Which directions may carry a frame towards `target`.
struct Usable {
  const Links* links = nullptr;
  NodeId source{}, target{};
  std::string_view network;
  const std::map<Pair, std::set<std::string>>* blocked = nullptr;
  bool operator()(const EdgeId& edge) const {
    const Direction& direction = *(*links)[edge].direction;
    if (!direction.up) return false;
    if (!network.empty() && direction.network != network) return false;
    if (!blocked->empty() && blocked->count({direction.link, source, target}) != 0) return false;
    return direction.to->id() == target || relays(*direction.to);
  }
};
using UsableLinks = boost::filtered_graph<Links, Usable>;

/// Larger chance, without overflow and without a floating point.
Chance larger(Chance a, Chance b) {
  __extension__ using Wide = unsigned __int128;
  const Wide left = static_cast<Wide>(a.numerator) * b.denominator;
  const Wide right = static_cast<Wide>(b.numerator) * a.denominator;
  return left < right ? b : a;
}

template <class T>
T lowest_set(T a, T b) {
  return a == 0 ? b : b == 0 ? a : std::min(a, b);
}

}  // namespace

LinkFaults combine(const std::map<std::string, LinkFaults>& rules) {
  LinkFaults all;
  for (const auto& [name, rule] : rules) {
    all.loss = larger(all.loss, rule.loss);
    all.duplication = larger(all.duplication, rule.duplication);
    all.reordering = larger(all.reordering, rule.reordering);
    all.corruption = larger(all.corruption, rule.corruption);
    all.extra_delay += rule.extra_delay;
    all.bits_per_second = lowest_set(all.bits_per_second, rule.bits_per_second);
    all.mtu = lowest_set(all.mtu, rule.mtu);
  }
  return all;
}

struct Topology::Graph {
  Links links;
  std::map<NodeId, Vertex> vertices;
  std::map<std::pair<NodeId, NodeId>, std::map<std::string, Path, std::less<>>> paths;

  Vertex vertex(Node& node) {
    const auto known = vertices.find(node.id());
    if (known != vertices.end()) return known->second;
    const Vertex added = boost::add_vertex(&node, links);
    vertices.emplace(node.id(), added);
    return added;
  }
};

Topology::Topology() : graph_(std::make_unique<Graph>()) {}
Topology::~Topology() = default;

void Topology::add_link(const LinkConfig& config, Node& a, Node& b) {
  HVSIM_ASSERT(config.bits_per_second > 0, "a link has a rate");
  HVSIM_ASSERT(config.latency >= Duration{}, "a link's latency is not negative");
  HVSIM_ASSERT(a.id() != b.id(), "a link joins two nodes");
  HVSIM_ASSERT(!has_link(config.name), "link names are unique");
  for (const auto& [from, to] : {std::pair{&a, &b}, std::pair{&b, &a}}) {
    auto direction = std::make_unique<Direction>();
    direction->link = config.name;
    direction->network = config.network;
    direction->from = from;
    direction->to = to;
    direction->bits_per_second = config.bits_per_second;
    direction->latency = config.latency;
    const std::string place = ":" + config.name + ":" + from->name();
    direction->loss_draws = "net.loss" + place;
    direction->ack_loss_draws = "net.ack_loss" + place;
    direction->duplication_draws = "net.duplication" + place;
    direction->reordering_draws = "net.reordering" + place;
    direction->corruption_draws = "net.corruption" + place;
    direction->ack_corruption_draws = "net.ack_corruption" + place;
    boost::add_edge(graph_->vertex(*from), graph_->vertex(*to), Edge{direction.get()},
                    graph_->links);
    directions_.push_back(std::move(direction));
  }
  changed();
}

bool Topology::has_link(std::string_view link) const {
  for (const auto& direction : directions_) {
    if (direction->link == link) return true;
  }
  return false;
}

Direction& Topology::direction(std::string_view link, NodeId from) {
  for (const auto& direction : directions_) {
    if (direction->link == link && direction->from->id() == from) return *direction;
  }
  HVSIM_ASSERT(false, "no such link direction");
}

std::vector<Direction*> Topology::directions(std::string_view link) {
  std::vector<Direction*> found;
  for (const auto& direction : directions_) {
    if (direction->link == link) found.push_back(direction.get());
  }
  HVSIM_ASSERT(!found.empty(), "no such link");
  return found;
}

bool Topology::block(const Pair& pair, const std::string& rule) {
  std::set<std::string>& reasons = blocked_[pair];
  reasons.insert(rule);
  return reasons.size() == 1;
}

bool Topology::unblock(const Pair& pair, const std::string& rule) {
  const auto found = blocked_.find(pair);
  if (found == blocked_.end()) return false;
  found->second.erase(rule);
  if (!found->second.empty()) return false;
  blocked_.erase(found);
  return true;
}

void Topology::changed() {
  graph_->paths.clear();
  ++epoch_;
}

const Path& Topology::path(NodeId from, NodeId to, std::string_view network) {
  auto& paths = graph_->paths[{from, to}];  // by network
  const auto known = paths.find(network);
  if (known != paths.end()) return known->second;
  return paths.emplace(network, search(from, to, network)).first->second;
}

Path Topology::search(NodeId from, NodeId to, std::string_view network) const {
  Path path;
  if (from == to) {
    path.connected = true;
    return path;
  }
  const auto source = graph_->vertices.find(from);
  const auto target = graph_->vertices.find(to);
  if (source == graph_->vertices.end() || target == graph_->vertices.end()) return path;

  const Links& links = graph_->links;
  const UsableLinks usable(links, Usable{&links, from, to, network, &blocked_});
  std::vector<int> distance(boost::num_vertices(links), kUnreachable);
  distance[target->second] = 0;
  const auto by_vertex =
      boost::make_iterator_property_map(distance.begin(), boost::get(boost::vertex_index, links));
  boost::breadth_first_search(boost::make_reverse_graph(usable), target->second,
                              boost::visitor(boost::make_bfs_visitor(
                                  boost::record_distances(by_vertex, boost::on_tree_edge()))));
  if (distance[source->second] == kUnreachable) return path;

  path.connected = true;
  for (Vertex here = source->second; here != target->second;) {
    Direction* best = nullptr;
    Vertex beyond = here;
    for (const EdgeId& edge : boost::make_iterator_range(boost::out_edges(here, usable))) {
      const Vertex there = boost::target(edge, usable);
      if (distance[there] != distance[here] - 1) continue;
      Direction* candidate = links[edge].direction;
      if (best != nullptr && candidate->link >= best->link) continue;
      best = candidate;
      beyond = there;
    }
    HVSIM_ASSERT(best != nullptr, "a shorter distance has an edge that leads there");
    path.hops.push_back(best);
    here = beyond;
  }
  return path;
}

}  // namespace sim::net
