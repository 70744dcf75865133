// What integration components say: a pipe header, the message's header, and its body (spec D.3).
#pragma once

#include "machine.h"

enum {
  IC_PIPE_DATA = 1,

  IC_NEGOTIATE = 0,
  IC_KEY_VALUE = 2,
  IC_SHUTDOWN = 3,
  IC_TIME_SYNC = 4,
  IC_VSS = 5,

  IC_TRANSACTION = 1,
  IC_REQUEST = 2,
  IC_RESPONSE = 4,
};

/// HRESULTs.
#define IC_OK 0u
#define IC_FAILED 0x80004005u
#define IC_NO_MORE_ITEMS 0x80070103u

struct ic_version {
  u16 major, minor;
};

struct __attribute__((packed)) ic_header {
  u32 pipe_type, pipe_bytes;
  struct ic_version framework;
  u16 type;
  struct ic_version message;
  u16 bytes;
  u32 status;
  u8 transaction, flags, reserved[2];
};
_Static_assert(sizeof(struct ic_header) == 28, "pipe header 8, ICMSG header 20");

struct ic_versions {
  u16 framework_count, message_count;
  u32 reserved;
  struct ic_version versions[];  ///< framework versions first, then message versions
};

struct __attribute__((packed)) ic_time {  // from version 4.0 on
  u64 host_time;                          ///< 100 ns since 1601
  u64 reference_time;                     ///< ours, when the host read its clock
  u8 flags, leap, stratum, reserved[3];
};
enum { IC_TIME_SET = 1, IC_TIME_SAMPLE = 2 };

struct ic_shutdown {
  u32 reason, timeout_seconds, flags;
  u8 message[2048];
};
enum { IC_SHUTDOWN_FORCE = 1 };

struct ic_item {
  u32 type, key_bytes, value_bytes;  ///< bytes of UTF-16, the zero at the end included
  u8 key[512], value[2048];
};

struct ic_key_value {
  u8 operation, pool;
  u16 reserved;
  union {
    struct ic_item item;  ///< get, set
    struct {
      u32 index;
      struct ic_item listed;
    };
    struct {
      u32 key_bytes;
      u8 key[512];
    } removed;
  };
};
_Static_assert(sizeof(struct ic_key_value) == 2580, "spec D.3");
enum { IC_KVP_GET, IC_KVP_SET, IC_KVP_DELETE, IC_KVP_ENUMERATE };
enum { IC_POOL_EXTERNAL, IC_POOL_GUEST, IC_POOL_AUTO, IC_POOL_AUTO_EXTERNAL, IC_POOLS };

struct ic_vss {
  u8 operation, reserved[7];
  u32 flags;
};
enum { IC_VSS_HOT_BACKUP = 2, IC_VSS_BACKUP_COMPLETE = 4, IC_VSS_FREEZE = 5, IC_VSS_THAW = 6 };
#define IC_VSS_NO_RECOVERY 0x5u
