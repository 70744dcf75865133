// The transcendental functions behind the x87 instructions, without the host's library: its results
// depend on whether the host's processor has fused multiply-add (spec unicorn 3.2).
//
// Results are those of the exact value rounded to double in all but about one case in 2^50.
#pragma once

namespace sim::unicorn {

double steady_sin(double x);
double steady_cos(double x);
double steady_tan(double x);
double steady_atan2(double y, double x);
double steady_log(double x);
double steady_exp2(double x);

}  // namespace sim::unicorn
