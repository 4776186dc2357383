// The parts of a plan; for plan.cc.
#pragma once

#include <string>

#include "planning/plan.h"

namespace dure::planning {

Section ComputeSection(const Question& question);
Section MemorySection(const Question& question);
Section UpdateSection(const Question& question);
Section BlockingSection(const Question& question);
Section StreamingSection(const Question& question);
Section MaskingSection(const Question& question);
Section AggregatorSection(const Question& question);
Section RunSection(const Question& question);

// A figure and the sentence that explains it.
void AddSeconds(Section& section, std::string name, double seconds, std::string sentence);
void AddBytes(Section& section, std::string name, double bytes, std::string sentence);

// What several parts need.
Training TrainingOf(const Question& question);
double StepSecondsOf(const Question& question);
double UpBitsOf(const Question& question);    // a parameter of a contribution
double DownBitsOf(const Question& question);  // a parameter of the aggregate
double LinkRateOf(const Question& question);  // bits a second that data gets
double MemberExchangeSeconds(const Question& question);
double PortExchangeSeconds(const Question& question);
// The longer of the two.
double BlockingExchangeSeconds(const Question& question);

}  // namespace dure::planning
