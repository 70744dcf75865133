#include "fault-injection/planner.hpp"
