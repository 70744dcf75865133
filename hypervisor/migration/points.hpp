// Named places of migrations: trouble that spec G.2 allows, on invitation, and rare moments that
// are worth reaching.
#pragma once

#include "sim/kernel/point.hpp"

namespace migration {

inline constexpr const char* kPointOddBatches = "migration.odd-batches";
inline constexpr const char* kPointEarlyStop = "migration.early-stop";
inline constexpr const char* kPointOneMoreRound = "migration.one-more-round";
inline constexpr const char* kPointSlowAdmission = "migration.slow-admission";
inline constexpr const char* kPointLateFlush = "migration.late-flush";
inline constexpr const char* kPointLateCommit = "migration.late-commit";
inline constexpr const char* kPointLateCommitted = "migration.late-committed";
inline constexpr const char* kPointLateVerdict = "migration.late-verdict";

inline constexpr sim::PointInfo kBuggifyPoints[] = {
    {kPointOddBatches, "the pages of a round travel in messages of an odd size"},
    {kPointEarlyStop, "pre-copy ends although many pages are dirty"},
    {kPointOneMoreRound, "pre-copy makes a round more than it needs, within the limit"},
    {kPointSlowAdmission, "the target takes up to 1 s to admit a VM"},
    {kPointLateFlush,
     "an ownership record stays in the disk's cache up to 100 ms before its flush"},
    {kPointLateCommit, "the source waits up to 200 ms between ceding and saying so"},
    {kPointLateCommitted, "the target's word that it committed comes late, perhaps too late"},
    {kPointLateVerdict, "a query in doubt is answered up to 3 s late"},
};

inline constexpr const char* kPointInDoubt = "migration.in-doubt";
inline constexpr const char* kPointHadCommitted = "migration.target-had-committed";
inline constexpr const char* kPointWithdrawn = "migration.withdrawn-after-ceding";
inline constexpr const char* kPointAbortsSuspended = "migration.aborts-after-suspend";
inline constexpr const char* kPointSeizesDisk = "migration.seizes-a-disk";
inline constexpr const char* kPointLastRoundEmpty = "migration.last-round-empty";
inline constexpr const char* kPointRoundLimit = "migration.round-limit";
inline constexpr const char* kPointIoInFlight = "migration.io-in-flight";
inline constexpr const char* kPointQueryTooEarly = "migration.query-while-target-works";
inline constexpr const char* kPointQueryRestarted = "migration.restarted-target-is-asked";
inline constexpr const char* kPointSettledAfterBoot = "migration.settled-after-boot";
inline constexpr const char* kPointDropsRestored = "migration.drops-restored-skeleton";

inline constexpr sim::PointInfo kSometimesPoints[] = {
    {kPointInDoubt, "the source has ceded a VM and does not know whether the target has it"},
    {kPointHadCommitted, "a query in doubt finds that the target had committed"},
    {kPointWithdrawn, "a query in doubt finds that the target never will: the VM runs here again"},
    {kPointAbortsSuspended, "a migration fails after the VM was suspended for it"},
    {kPointSeizesDisk, "a disk that the target may hold open is taken back"},
    {kPointLastRoundEmpty, "nothing is dirty at stop-and-copy"},
    {kPointRoundLimit, "pre-copy ends at the round limit, not because few pages are dirty"},
    {kPointIoInFlight, "stop-and-copy begins while disk requests are outstanding"},
    {kPointQueryTooEarly, "the source asks while the target still works on the migration"},
    {kPointQueryRestarted, "a target that lost power since answers from its records"},
    {kPointSettledAfterBoot, "a source that lost power after ceding learns the outcome"},
    {kPointDropsRestored, "the target drops a VM whose state it had restored already"},
};

}  // namespace migration
