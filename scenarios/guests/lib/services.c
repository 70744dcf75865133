#include "services.h"

#include "clock.h"
#include "console.h"
#include "ic.h"

#define TICKS_PER_SECOND 10000000ull
/// A guest that nobody thaws goes on by itself (spec D.3).
#define LONGEST_REST (900 * TICKS_PER_SECOND)
/// The host's clock and ours run at the same rate, so they differ by what reading them takes.
#define CLOCK_TOLERANCE TICKS_PER_MS

static u8 rings[4][IC_RING_PAGES][PAGE_SIZE] PAGE_ALIGNED;

// -- time --

static u64 clock_base;  // host time at reference time 0; 0: not told yet
static u64 time_sets;

/// Reference time stands still while the VM does; the host says what time it is then, before it
/// sends a sample that would show the difference.
static u32 on_time(void* body, u32 bytes) {
  const struct ic_time* time = body;
  if (bytes < sizeof *time) panic_value("a time of impossible length:", bytes);
  u64 base = time->host_time - time->reference_time;
  if (time->flags & IC_TIME_SET) {
    if (base + CLOCK_TOLERANCE < clock_base) panic("the host sets the clock back");
    clock_base = base;
    ++time_sets;
  } else if (time->flags & IC_TIME_SAMPLE) {
    u64 difference = base > clock_base ? base - clock_base : clock_base - base;
    if (clock_base == 0) panic("a sample before the clock was set");
    if (difference > CLOCK_TOLERANCE) {
      panic_value("the clock is not the host's, difference in us:", difference / TICKS_PER_US);
    }
  }
  return IC_OK;
}

static struct ic_component time_sync = {
    .interface_id = {0x9527e630, 0xd0ae, 0x497b, {0xad, 0xce, 0xe8, 0x0a, 0xb0, 0x17, 0x5c, 0xaf}},
    .type = IC_TIME_SYNC,
    .versions = {{4, 0}},
    .version_count = 1,
    .request = on_time,
    .rings = rings[0],
};

// -- shutdown --

static bool end_wanted;

/// The answer goes out before the deed. Restarting and hibernating it cannot do.
static u32 on_shutdown(void* body, u32 bytes) {
  const struct ic_shutdown* wanted = body;
  if (bytes < 12) panic_value("a shutdown of impossible length:", bytes);
  if (wanted->flags & ~(u32)IC_SHUTDOWN_FORCE) return IC_FAILED;
  end_wanted = true;
  return IC_OK;
}

static struct ic_component shutdown = {
    .interface_id = {0x0e0b6031, 0x5213, 0x4934, {0x81, 0x8b, 0x38, 0xd9, 0x0c, 0xed, 0x39, 0xdb}},
    .type = IC_SHUTDOWN,
    .versions = {{3, 0}, {1, 0}},
    .version_count = 2,
    .request = on_shutdown,
    .rings = rings[1],
};

// -- key-value pairs --

enum { MOST_ITEMS = 16 };
static struct {
  u32 count;
  struct ic_item items[MOST_ITEMS];
} pools[IC_POOLS];

static struct ic_item* find_item(u32 pool, const u8* key, u32 bytes) {
  for (u32 i = 0; i < pools[pool].count; ++i) {
    struct ic_item* item = &pools[pool].items[i];
    if (item->key_bytes == bytes && memcmp(item->key, key, bytes) == 0) return item;
  }
  return NULL;
}

static u32 set_item(u32 pool, const struct ic_item* given) {
  if (given->key_bytes > sizeof given->key || given->value_bytes > sizeof given->value) {
    return IC_FAILED;
  }
  struct ic_item* item = find_item(pool, given->key, given->key_bytes);
  if (item == NULL && pools[pool].count == MOST_ITEMS) return IC_FAILED;
  if (item == NULL) item = &pools[pool].items[pools[pool].count++];
  memcpy(item, given, sizeof *item);
  return IC_OK;
}

static u32 remove_item(u32 pool, const u8* key, u32 bytes) {
  if (bytes > 512) return IC_FAILED;
  struct ic_item* item = find_item(pool, key, bytes);
  if (item == NULL) return IC_NO_MORE_ITEMS;
  // The order of what is left stays: the host may be in the middle of a list.
  struct ic_item* last = &pools[pool].items[--pools[pool].count];
  for (; item < last; ++item) memcpy(item, item + 1, sizeof *item);
  return IC_OK;
}

static u32 on_key_value(void* body, u32 bytes) {
  struct ic_key_value* wanted = body;
  if (bytes < sizeof *wanted) panic_value("a KVP request of impossible length:", bytes);
  if (wanted->pool >= IC_POOLS) return IC_FAILED;
  switch (wanted->operation) {
    case IC_KVP_SET:
      return set_item(wanted->pool, &wanted->item);
    case IC_KVP_GET: {
      if (wanted->item.key_bytes > sizeof wanted->item.key) return IC_FAILED;
      const struct ic_item* item =
          find_item(wanted->pool, wanted->item.key, wanted->item.key_bytes);
      if (item == NULL) return IC_NO_MORE_ITEMS;
      memcpy(&wanted->item, item, sizeof *item);
      return IC_OK;
    }
    case IC_KVP_DELETE:
      return remove_item(wanted->pool, wanted->removed.key, wanted->removed.key_bytes);
    case IC_KVP_ENUMERATE:
      if (wanted->index >= pools[wanted->pool].count) return IC_NO_MORE_ITEMS;
      memcpy(&wanted->listed, &pools[wanted->pool].items[wanted->index], sizeof wanted->listed);
      return IC_OK;
    default:
      return IC_FAILED;
  }
}

static struct ic_component key_value = {
    .interface_id = {0xa9a0f4e7, 0x5a45, 0x4d96, {0xb8, 0x27, 0x8a, 0x84, 0x1e, 0x8c, 0x03, 0xe6}},
    .type = IC_KEY_VALUE,
    .versions = {{4, 0}, {3, 0}},
    .version_count = 2,
    .request = on_key_value,
    .rings = rings[2],
};

// -- backup --

static enum { AWAKE, FALLING_ASLEEP, ASLEEP } rest;
static u64 rests_until;

static u32 on_backup(void* body, u32 bytes) {
  struct ic_vss* wanted = body;
  if (bytes < sizeof *wanted) panic_value("a VSS request of impossible length:", bytes);
  switch (wanted->operation) {
    case IC_VSS_HOT_BACKUP:
      wanted->flags = IC_VSS_NO_RECOVERY;
      return IC_OK;
    case IC_VSS_FREEZE:
      if (rest != AWAKE) return IC_FAILED;
      rest = FALLING_ASLEEP;
      return IC_LATER;
    case IC_VSS_THAW:
      if (rest != ASLEEP) return IC_FAILED;  // it has thawed by itself
      rest = AWAKE;
      return IC_OK;
    case IC_VSS_BACKUP_COMPLETE:
      return IC_OK;
    default:
      return IC_FAILED;
  }
}

static struct ic_component backup = {
    .interface_id = {0x35fa2e29, 0xea23, 0x4236, {0x96, 0xae, 0x3a, 0x6e, 0xba, 0xcb, 0xa4, 0x40}},
    .type = IC_VSS,
    .versions = {{5, 0}},
    .version_count = 1,
    .request = on_backup,
    .rings = rings[3],
};

bool services_want_rest(void) {
  if (rest == ASLEEP && clock_now() >= rests_until) {
    print("services: nobody ends the rest, so it ends now\n");
    rest = AWAKE;
  }
  return rest != AWAKE;
}

void services_at_rest(void) {
  if (rest != FALLING_ASLEEP) return;
  rest = ASLEEP;
  rests_until = clock_now() + LONGEST_REST;
  ic_answer(&backup, IC_OK);
}

u64 services_due(void) { return rest == ASLEEP ? rests_until : ~0ull; }

// -- all of them --

static struct ic_component* const components[] = {&time_sync, &shutdown, &key_value, &backup};

u32 services_set_up(void) {
  u32 offered = 0;
  for (u32 i = 0; i < COUNT_OF(components); ++i) offered += ic_open(components[i]);
  return offered;
}

bool services_poll(void) {
  bool any = false;
  for (u32 i = 0; i < COUNT_OF(components); ++i) any |= ic_poll(components[i]);
  return any;
}

u64 services_time_sets(void) { return time_sets; }
bool services_want_end(void) { return end_wanted; }

u64 services_requests(void) {
  u64 all = 0;
  for (u32 i = 0; i < COUNT_OF(components); ++i) all += components[i]->requests;
  return all;
}
