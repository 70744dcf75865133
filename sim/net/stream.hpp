// The Stream that protocol code holds: a side of a connection. The connection belongs to the
// transport and may end first; then every call reports how.
#pragma once

#include <memory>
#include <string>

#include "sim/net/connection.hpp"
#include "sim/net/network.hpp"

namespace sim::net {

std::shared_ptr<Stream> make_stream(std::shared_ptr<Connection> connection, Side side);

Task<std::shared_ptr<Stream>> connect_stream(Transport& transport, Node& from, Node& to,
                                             std::string service, Duration give_up,
                                             Duration patience, std::string network);

}  // namespace sim::net
