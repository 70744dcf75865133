// Memory besides the rings that a device of a channel may use.
#include "console.h"
#include "gpadl.h"

u32 channel_lend(struct channel* channel, const void* pages, u32 page_count) {
  static u32 next_gpadl = 0xE2E10;
  // The host's answer names the handle alone, and a channel is found by the one that it has.
  u32 rings = channel->gpadl;
  u32 lent = channel->gpadl = next_gpadl++;
  channel->created = false;
  gpadl_describe(channel, (u64)pages / PAGE_SIZE, page_count);
  vmbus_wait(&channel->created);
  channel->gpadl = rings;
  if (channel->created_status != 0) {
    panic_value("the host refuses a buffer with status", channel->created_status);
  }
  return lent;
}
