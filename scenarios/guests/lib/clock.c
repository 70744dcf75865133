#include "clock.h"

#include "console.h"
#include "detect.h"

enum { MSR_TIME_REF_COUNT = 0x40000020, MSR_REFERENCE_TSC = 0x40000021, TSC_PAGE_ENABLE = 1 };

struct tsc_page {
  u32 sequence;  // 0: the page is not valid, use the counter
  u32 reserved;
  u64 scale;
  int64_t offset;
  u8 rest[PAGE_SIZE - 24];
};

static struct tsc_page tsc_page PAGE_ALIGNED;
static bool have_tsc_page;

void clock_set_up(void) {
  if (!(hypervisor.msr_privileges & MAY_READ_REFERENCE_COUNTER)) {
    panic("the partition may not read the reference counter");
  }
  if (hypervisor.msr_privileges & MAY_USE_REFERENCE_TSC) {
    wrmsr(MSR_REFERENCE_TSC, (u64)&tsc_page | TSC_PAGE_ENABLE);
    have_tsc_page = true;
  }
}

/// Reading the page costs no exit. After a migration the host's TSC runs at another rate or from
/// another origin: the hypervisor then changes scale and offset, and the sequence number tells a
/// reader that was in the middle of it to begin again.
static bool read_tsc_page(u64* now) {
  volatile struct tsc_page* page = &tsc_page;
  for (;;) {
    u32 sequence = page->sequence;
    if (sequence == 0) return false;
    acquire_barrier();
    u64 tsc = rdtsc();
    u64 time = (u64)((unsigned __int128)tsc * page->scale >> 64) + (u64)page->offset;
    acquire_barrier();
    if (page->sequence == sequence) {
      *now = time;
      return true;
    }
  }
}

u64 clock_now(void) {
  u64 now;
  if (have_tsc_page && read_tsc_page(&now)) return now;
  return rdmsr(MSR_TIME_REF_COUNT);
}
