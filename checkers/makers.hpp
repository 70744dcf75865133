// One maker per checker file. The catalogue lists them; nothing registers itself.
#pragma once

#include <memory>

#include "checkers/checker.hpp"

namespace checkers {

std::unique_ptr<Checker> make_hv1();   ///< partition states
std::unique_ptr<Checker> make_hv2();   ///< partition ids and VP indices
std::unique_ptr<Checker> make_hv3();   ///< memory of pools
std::unique_ptr<Checker> make_hv5();   ///< GPA rights and overlays
std::unique_ptr<Checker> make_hv6();   ///< results of hypercalls
std::unique_ptr<Checker> make_hv7();   ///< privileges
std::unique_ptr<Checker> make_hv8();   ///< hypercall pages
std::unique_ptr<Checker> make_hv9();   ///< intercepts
std::unique_ptr<Checker> make_hv10();  ///< deleted partitions
std::unique_ptr<Checker> make_hv11();  ///< devices are touched for a guest only
std::unique_ptr<Checker> make_sy1();   ///< message slots
std::unique_ptr<Checker> make_sy2();   ///< message order
std::unique_ptr<Checker> make_sy3();   ///< no lost message
std::unique_ptr<Checker> make_sy4();   ///< message buffers
std::unique_ptr<Checker> make_sy5();   ///< event flags
std::unique_ptr<Checker> make_sy6();   ///< flags are seen
std::unique_ptr<Checker> make_sy7();   ///< ends of interrupts
std::unique_ptr<Checker> make_sy8();   ///< synthetic timers
std::unique_ptr<Checker> make_sy9();   ///< timers that are late
std::unique_ptr<Checker> make_sy10();  ///< the reference counter
std::unique_ptr<Checker> make_sy11();  ///< the reference TSC page
std::unique_ptr<Checker> make_vb1();   ///< contacts
std::unique_ptr<Checker> make_vb2();   ///< relids
std::unique_ptr<Checker> make_vb3();   ///< offers
std::unique_ptr<Checker> make_vb4();   ///< answers
std::unique_ptr<Checker> make_vb5();   ///< channel automaton
std::unique_ptr<Checker> make_vb6();   ///< no access after teardown
std::unique_ptr<Checker> make_vb7();   ///< ring memory
std::unique_ptr<Checker> make_vb8();   ///< unloads
std::unique_ptr<Checker> make_vb9();   ///< doorbells of open channels
std::unique_ptr<Checker> make_vb10();  ///< new contacts
std::unique_ptr<Checker> make_rb1();   ///< ring indices
std::unique_ptr<Checker> make_rb2();   ///< nothing unread is overwritten
std::unique_ptr<Checker> make_rb3();   ///< packets out = packets in
std::unique_ptr<Checker> make_rb4();   ///< exact signalling
std::unique_ptr<Checker> make_rb5();   ///< no deadlock
std::unique_ptr<Checker> make_rb6();   ///< one completion per request
std::unique_ptr<Checker> make_sv1();   ///< storage handshakes
std::unique_ptr<Checker> make_sv2();   ///< results of SCSI commands
std::unique_ptr<Checker> make_sv3();   ///< blocks are linearisable
std::unique_ptr<Checker> make_sv4();   ///< flushed writes survive
std::unique_ptr<Checker> make_sv5();   ///< disks that were taken out
std::unique_ptr<Checker> make_sv6();   ///< requests end in time
std::unique_ptr<Checker> make_nv1();   ///< adapters before frames
std::unique_ptr<Checker> make_nv2();   ///< receive sections
std::unique_ptr<Checker> make_nv3();   ///< frames as sent
std::unique_ptr<Checker> make_nv4();   ///< no silent loss
std::unique_ptr<Checker> make_nv5();   ///< moved addresses
std::unique_ptr<Checker> make_nv6();   ///< forged addresses
std::unique_ptr<Checker> make_ic1();   ///< agreed versions
std::unique_ptr<Checker> make_ic2();   ///< heartbeats
std::unique_ptr<Checker> make_ic3();   ///< one request at a time, rest between freeze and thaw
std::unique_ptr<Checker> make_ic4();   ///< key-value pairs
std::unique_ptr<Checker> make_ic5();   ///< shutdowns
std::unique_ptr<Checker> make_ic6();   ///< time after a move
std::unique_ptr<Checker> make_cs7();   ///< one writer per disk
std::unique_ptr<Checker> make_mi1();   ///< memory equality
std::unique_ptr<Checker> make_mi2();   ///< dirty log
std::unique_ptr<Checker> make_mi3();   ///< single execution
std::unique_ptr<Checker> make_mi4();   ///< device effects once
std::unique_ptr<Checker> make_mi5();   ///< bounds
std::unique_ptr<Checker> make_mi6();   ///< clean aborts
// Beyond the specification's list.
std::unique_ptr<Checker> make_mi14();  ///< durable ownership

// Expectations with a file of their own.
std::unique_ptr<Checker> make_settles_within(const Expectation& expectation);
std::unique_ptr<Checker> make_clock_within(const Expectation& expectation);

}  // namespace checkers
