#include "model/seat/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

#include "model/seat/channel.h"

namespace dure::seat {
namespace {

using ::testing::HasSubstr;

DataSpec SomeData() { return {"/data/reviews", {"Q", "A"}, 0.1, 12345}; }

TrainTask SomeTraining() {
  TrainTask task;
  task.run = "first";
  task.round = 3;
  task.model_path = "/m/base.safetensors";
  task.config_path = "/m/config.json";
  task.tokenizer_path = "/m/tokenizer.json";
  task.data = SomeData();
  task.work_dir = "/w";
  task.state_in = "/w/2";
  task.state_out = "/w/3";
  task.output_path = "/w/out";
  task.steps = 50;
  task.seconds = 1.25;
  task.batch = 4;
  task.sequence = 64;
  task.accumulation = 2;
  task.threads = 3;
  task.zero = 2;
  task.seed = UINT64_MAX;
  task.learning_rate = 3e-4;
  task.beta1 = 0.8;
  task.beta2 = 0.99;
  task.epsilon = 1e-9;
  task.weight_decay = 0;
  task.clip_norm = 0.5;
  task.schedule = ScheduleKind::kWsd;
  task.warmup_steps = 10;
  task.total_steps = 1000;
  task.decay_steps = 100;
  task.final_fraction = 0.2;
  task.record_clip = 0.5;
  task.record_noise = 1.1;
  task.record_rate = 0.01;
  return task;
}

std::string_view Unended(const std::string& line) {
  EXPECT_TRUE(line.ends_with('\n'));
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  return std::string_view(line).substr(0, line.size() - 1);
}

TEST(SeatMessages, RequestsSurviveTheWire) {
  const Request requests[] = {
      TaskRequest{1, PrepareTask{"bytes", SomeData(), "/w"}},
      TaskRequest{2, SomeTraining()},
      TaskRequest{3, EvaluateTask{"/m", "/c", "/t", SomeData(), "/w", 9, 4, 32, 2}},
      TaskRequest{4, GenerateTask{"/m", "/c", "/t", "옛날\n\"옛적\"", 9, 0.7, 40, 5}},
      StopRequest{true},
      StopRequest{false},
  };
  for (const Request& request : requests) {
    const auto line = ToLine(request);
    ASSERT_TRUE(line.has_value());
    const auto parsed = ParseRequest(Unended(*line));
    ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
    EXPECT_EQ(*parsed, request) << *line;
  }
}

TEST(SeatMessages, EventsSurviveTheWire) {
  const Event events[] = {
      ReadyEvent{1, "dure-trainer cpu", {"seccomp", "landlock"}},
      ProgressEvent{1, "training", 5, 10, 3.25, 4096, 1234.5},
      PreparedEvent{1, 2, 3, 4, 5, 6, 7, 8, 9, "aa", "bb", true, {"x row 3: bad"}},
      DoneEvent{1, 2, 3, 4, 5, 6.5, 7.5, 0.25, 8.5, true, 2, 16.75},
      EvaluatedEvent{1, 12.5, 3, 4, 0.5, 6, 1.5, 1.75, 1000, 77},
      GeneratedEvent{1, "글", 2},
      ErrorEvent{1, "invalid", "why"},
  };
  for (const Event& event : events) {
    const std::string line = ToLine(event);
    const auto parsed = ParseEvent(Unended(line));
    ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
    EXPECT_EQ(*parsed, event) << line;
  }
}

TEST(SeatMessages, MalformedRequestsAreRefusedByField) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "not a JSON object"},
      {"[]", "not a JSON object"},
      {"{\"kind\":\"task\"", "not a JSON object"},
      {"{}", "kind"},
      {R"({"kind":"task","task":"dance"})", "kind of message"},
      {R"({"kind":"task","task":7})", "kind of message"},
      {R"({"kind":"task","id":-1,"task":"prepare"})", "id is not a count"},
      {R"({"kind":"task","id":1,"task":"prepare"})", "tokenizer_path is missing"},
      {R"({"kind":"task","id":1,"task":"prepare","tokenizer_path":"bytes","work_dir":"w"})",
       "data is missing"},
      {R"({"kind":"task","task":"prepare","tokenizer_path":"b","work_dir":"w","data":{}})",
       "path is missing"},
      {R"({"kind":"task","task":"prepare","tokenizer_path":"b","work_dir":"w",)"
       R"("data":{"path":"p","columns":[1]}})",
       "list of strings"},
      {R"({"kind":"task","task":"generate","model_path":"m","config_path":"c",)"
       R"("tokenizer_path":"t","tokens_max":4294967296})",
       "tokens_max is not a count"},
      {R"({"kind":"task","task":"generate","model_path":"m","config_path":"c",)"
       R"("tokenizer_path":"t","temperature":"hot"})",
       "temperature"},
      {R"({"kind":"stop","keep":1})", "keep is not a boolean"},
  };
  for (const auto& [line, why] : cases) {
    const auto parsed = ParseRequest(line);
    ASSERT_FALSE(parsed.has_value()) << line;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(parsed.error().message, HasSubstr(why));
  }
}

TEST(SeatMessages, UnknownFieldsAreIgnoredAndMissingOnesHaveDefaults) {
  const auto parsed =
      ParseRequest(R"({"kind":"task","id":5,"task":"generate","model_path":"m","config_path":"c",)"
                   R"("tokenizer_path":"t","colour":"blue"})");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(std::get<GenerateTask>(std::get<TaskRequest>(*parsed).task).tokens_max, 64u);
}

TEST(SeatMessages, LongEventsAreCutToFitAndLongRequestsRefused) {
  const std::string line = ToLine(ErrorEvent{1, "invalid", std::string(200000, '\x01')});
  EXPECT_LE(line.size(), kLineBytesMax);
  EXPECT_TRUE(ParseEvent(Unended(line)).has_value());
  EXPECT_LE(ToLine(GeneratedEvent{1, std::string(200000, '\xff'), 1}).size(), kLineBytesMax);
  GenerateTask task;
  task.model_path = "m";
  task.prompt = std::string(100000, 'x');
  EXPECT_EQ(ToLine(TaskRequest{1, task}).error().code, ErrorCode::kInvalid);
}

TEST(LineCutter, CutsLinesHoweverBytesArrive) {
  LineCutter cutter;
  for (const char c : std::string("one\n\ntwo\nthr")) cutter.Feed(std::string_view(&c, 1));
  EXPECT_EQ(**cutter.Next(), "one");
  EXPECT_EQ(**cutter.Next(), "");
  EXPECT_EQ(**cutter.Next(), "two");
  EXPECT_FALSE(cutter.Next()->has_value());
  cutter.Feed("ee\n");
  EXPECT_EQ(**cutter.Next(), "three");
}

TEST(LineCutter, DropsALineThatIsTooLongAndGoesOn) {
  LineCutter cutter;
  int reported = 0;
  std::vector<std::string> lines;
  const auto drain = [&] {
    for (auto line = cutter.Next(); !line || line->has_value(); line = cutter.Next()) {
      line ? lines.push_back(**line) : void(++reported);
    }
  };
  for (int i = 0; i < 10; ++i) {
    cutter.Feed(std::string(20000, 'x'));
    drain();
  }
  cutter.Feed("tail\nshort\n");
  drain();
  EXPECT_EQ(reported, 1);
  EXPECT_EQ(lines, std::vector<std::string>{"short"});
}

TEST(Channel, CarriesLinesUntilTheOtherEndCloses) {
  int fds[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  Channel left(fds[0]);
  {
    Channel right(fds[1]);
    ASSERT_TRUE(right.Send("one\n").has_value());
    ASSERT_TRUE(right.Send("two\n").has_value());
  }
  EXPECT_EQ(**left.Receive(), "one");
  EXPECT_EQ(**left.Receive(), "two");
  EXPECT_FALSE(left.Receive()->has_value());
  EXPECT_EQ(left.Send("three\n").error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace dure::seat
