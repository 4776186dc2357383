// On the wire each message is one object. "kind" says which: a request is "task" (then "task" names
// prepare, train, evaluate or generate, and "id" the number its answers carry) or "stop"; an event
// is "ready", "progress", "prepared", "done", "evaluated", "generated" or "error". Every other
// field has the name of its struct member, as the Visit functions list them; "data" is an object of
// its own.
#include "model/seat/messages.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace dure::seat {
namespace {

using nlohmann::json;

constexpr size_t kListItemsMax = 256;

// A Visit function shows every field of a struct to a visitor: one list for writing and for
// reading.
template <typename V, typename S>
void VisitData(V& v, S& data) {
  v.Path("path", data.path);
  v.Field("columns", data.columns);
  v.Field("held_out_fraction", data.held_out_fraction);
  v.Field("held_out_bytes_max", data.held_out_bytes_max);
  v.Field("more", data.more);
}

template <typename V>
void Visit(V& v, PrepareTask& task) {
  v.Path("tokenizer_path", task.tokenizer_path);
  v.Path("work_dir", task.work_dir);
  v.Data("data", task.data);
  v.Field("config_path", task.config_path);
  v.Field("zero", task.zero);
  v.Field("record_clip", task.record_clip);
}

template <typename V>
void VisitModel(V& v, auto& task) {
  v.Path("model_path", task.model_path);
  v.Path("config_path", task.config_path);
  v.Path("tokenizer_path", task.tokenizer_path);
}

template <typename V>
void Visit(V& v, TrainTask& task) {
  VisitModel(v, task);
  v.Field("run", task.run);
  v.Field("round", task.round);
  v.Data("data", task.data);
  v.Path("work_dir", task.work_dir);
  v.Field("state_in", task.state_in);
  v.Path("state_out", task.state_out);
  v.Path("output_path", task.output_path);
  v.Field("steps", task.steps);
  v.Field("seconds", task.seconds);
  v.Field("batch", task.batch);
  v.Field("sequence", task.sequence);
  v.Field("threads", task.threads);
  v.Field("accumulation", task.accumulation);
  v.Field("zero", task.zero);
  v.Field("seed", task.seed);
  v.Field("learning_rate", task.learning_rate);
  v.Field("beta1", task.beta1);
  v.Field("beta2", task.beta2);
  v.Field("epsilon", task.epsilon);
  v.Field("weight_decay", task.weight_decay);
  v.Field("clip_norm", task.clip_norm);
  v.Field("schedule", task.schedule);
  v.Field("warmup_steps", task.warmup_steps);
  v.Field("total_steps", task.total_steps);
  v.Field("decay_steps", task.decay_steps);
  v.Field("final_fraction", task.final_fraction);
  v.Field("record_clip", task.record_clip);
  v.Field("record_noise", task.record_noise);
  v.Field("record_rate", task.record_rate);
}

template <typename V>
void Visit(V& v, EvaluateTask& task) {
  VisitModel(v, task);
  v.Data("data", task.data);
  v.Path("work_dir", task.work_dir);
  v.Field("sequences_max", task.sequences_max);
  v.Field("batch", task.batch);
  v.Field("sequence", task.sequence);
  v.Field("threads", task.threads);
  v.Field("seed", task.seed);
}

template <typename V>
void Visit(V& v, GenerateTask& task) {
  VisitModel(v, task);
  v.Field("prompt", task.prompt);
  v.Field("tokens_max", task.tokens_max);
  v.Field("temperature", task.temperature);
  v.Field("top_k", task.top_k);
  v.Field("seed", task.seed);
}

template <typename V>
void Visit(V& v, StopRequest& stop) {
  v.Field("keep", stop.keep);
}

template <typename V>
void Visit(V& v, ReadyEvent& event) {
  v.Field("version", event.version);
  v.Field("trainer", event.trainer);
  v.Field("protections", event.protections);
}

template <typename V>
void Visit(V& v, ProgressEvent& event) {
  v.Field("id", event.id);
  v.Field("stage", event.stage);
  v.Field("step", event.step);
  v.Field("steps", event.steps);
  v.Field("loss", event.loss);
  v.Field("tokens", event.tokens);
  v.Field("tokens_per_second", event.tokens_per_second);
}

template <typename V>
void Visit(V& v, PreparedEvent& event) {
  v.Field("id", event.id);
  v.Field("files", event.files);
  v.Field("files_left_out", event.files_left_out);
  v.Field("documents", event.documents);
  v.Field("bad_rows", event.bad_rows);
  v.Field("train_tokens", event.train_tokens);
  v.Field("train_bytes", event.train_bytes);
  v.Field("held_out_tokens", event.held_out_tokens);
  v.Field("held_out_bytes", event.held_out_bytes);
  v.Field("source_digest", event.source_digest);
  v.Field("tokenizer_digest", event.tokenizer_digest);
  v.Field("cached", event.cached);
  v.Field("notes", event.notes);
}

template <typename V>
void Visit(V& v, DoneEvent& event) {
  v.Field("id", event.id);
  v.Field("steps", event.steps);
  v.Field("steps_total", event.steps_total);
  v.Field("tokens", event.tokens);
  v.Field("examples", event.examples);
  v.Field("first_loss", event.first_loss);
  v.Field("final_loss", event.final_loss);
  v.Field("learning_rate_sum", event.learning_rate_sum);
  v.Field("seconds", event.seconds);
  v.Field("stopped", event.stopped);
  v.Field("private_steps", event.private_steps);
  v.Field("accelerator_seconds", event.accelerator_seconds);
}

template <typename V>
void Visit(V& v, EvaluatedEvent& event) {
  v.Field("id", event.id);
  v.Field("nats", event.nats);
  v.Field("tokens", event.tokens);
  v.Field("bytes", event.bytes);
  v.Field("seconds", event.seconds);
  v.Field("sequences", event.sequences);
  v.Field("low", event.low);
  v.Field("high", event.high);
  v.Field("draws", event.draws);
  v.Field("seed", event.seed);
}

template <typename V>
void Visit(V& v, GeneratedEvent& event) {
  v.Field("id", event.id);
  v.Field("text", event.text);
  v.Field("tokens", event.tokens);
}

template <typename V>
void Visit(V& v, ErrorEvent& event) {
  v.Field("id", event.id);
  v.Field("code", event.code);
  v.Field("message", event.message);
}

constexpr std::string_view kTaskNames[] = {"prepare", "train", "evaluate", "generate"};
constexpr std::string_view kEventNames[] = {"ready",     "progress",  "prepared", "done",
                                            "evaluated", "generated", "error"};
constexpr std::string_view kScheduleNames[] = {"constant", "cosine", "wsd"};

class Writer {
 public:
  template <typename T>
  void Field(const char* name, const T& value) {
    object_[name] = value;
  }
  // JSON has no NaN; a trainer that computes one reports an error, not a number.
  void Field(const char* name, double value) { object_[name] = std::isfinite(value) ? value : 0.0; }
  void Field(const char* name, ScheduleKind kind) {
    object_[name] = kScheduleNames[static_cast<size_t>(kind)];
  }
  void Path(const char* name, const std::string& path) { object_[name] = path; }
  void Data(const char* name, DataSpec& data) {
    Writer inner;
    VisitData(inner, data);
    object_[name] = std::move(inner.object_);
  }
  std::string Line() const {
    return object_.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  }

 private:
  json object_ = json::object();
};

class Reader {
 public:
  explicit Reader(const json& object) : object_(object) {}

  void Field(const char* name, std::string& out) {
    if (const json* value = Find(name)) {
      value->is_string() ? void(out = value->get<std::string>()) : Refuse(name, "is not a string");
    }
  }
  void Field(const char* name, bool& out) {
    if (const json* value = Find(name)) {
      value->is_boolean() ? void(out = value->get<bool>()) : Refuse(name, "is not a boolean");
    }
  }
  void Field(const char* name, double& out) {
    const json* value = Find(name);
    if (value == nullptr) return;
    if (!value->is_number() || !std::isfinite(value->get<double>())) {
      return Refuse(name, "is not a finite number");
    }
    out = value->get<double>();
  }
  void Field(const char* name, uint64_t& out) { Count(name, &out); }
  void Field(const char* name, uint32_t& out) { Count(name, &out); }
  void Field(const char* name, std::vector<std::string>& out) {
    const json* value = Find(name);
    if (value == nullptr) return;
    if (!value->is_array() || value->size() > kListItemsMax) return Refuse(name, "is not a list");
    for (const json& item : *value) {
      if (!item.is_string()) return Refuse(name, "is not a list of strings");
      out.push_back(item.get<std::string>());
    }
  }
  void Field(const char* name, ScheduleKind& out) {
    std::string text(kScheduleNames[0]);
    Field(name, text);
    for (size_t i = 0; i < std::size(kScheduleNames); ++i) {
      if (kScheduleNames[i] == text) return void(out = static_cast<ScheduleKind>(i));
    }
    Refuse(name, "is not constant, cosine or wsd");
  }
  void Path(const char* name, std::string& out) {
    Field(name, out);
    if (out.empty()) return Refuse(name, "is missing");
    if (out.find('\0') != std::string::npos) Refuse(name, "is not a path");
  }
  void Data(const char* name, DataSpec& data) {
    const json* value = Find(name);
    if (value == nullptr || !value->is_object()) return Refuse(name, "is missing");
    Reader inner(*value);
    VisitData(inner, data);
    if (status_ && !inner.status_) status_ = inner.status_;
  }
  Status status() const { return status_; }

 private:
  const json* Find(const char* name) const {
    const auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
  }
  void Refuse(const char* name, std::string_view why) {
    if (!status_) return;
    status_ = Fail(ErrorCode::kInvalid, std::string(name) + " " + std::string(why));
  }
  template <typename T>
  void Count(const char* name, T* out) {
    const json* value = Find(name);
    if (value == nullptr) return;
    if (!value->is_number_unsigned() || value->get<uint64_t>() > std::numeric_limits<T>::max()) {
      return Refuse(name, "is not a count");
    }
    *out = static_cast<T>(value->get<uint64_t>());
  }

  const json& object_;
  Status status_;
};

Result<json> ParseObject(std::string_view line) {
  if (line.size() > kLineBytesMax) return Fail(ErrorCode::kInvalid, "the line is too long");
  json object = json::parse(line, nullptr, false);
  if (!object.is_object()) return Fail(ErrorCode::kInvalid, "the line is not a JSON object");
  return object;
}

std::string TextOf(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// The alternative of `Variant` that stands at `name`'s place in `names`, read from `object`.
template <typename Variant, size_t I = 0>
Result<Variant> ReadAlternative(const json& object, std::string_view name,
                                std::span<const std::string_view> names) {
  if constexpr (I < std::variant_size_v<Variant>) {
    if (names[I] != name) return ReadAlternative<Variant, I + 1>(object, name, names);
    std::variant_alternative_t<I, Variant> message;
    Reader reader(object);
    Visit(reader, message);
    DURE_TRY(reader.status());
    return Variant(std::move(message));
  } else {
    return Fail(ErrorCode::kInvalid, "the kind of message is not known");
  }
}

std::string Written(const Event& event) {
  Writer writer;
  writer.Field("kind", kEventNames[event.index()]);
  std::visit([&writer](auto copy) { Visit(writer, copy); }, event);
  return writer.Line();
}

// Halves what may be long; false when nothing is left to cut.
bool Cut(Event* event) {
  const auto halve = [](std::string* text) {
    const bool any = !text->empty();
    text->resize(text->size() / 2);
    return any;
  };
  if (auto* prepared = std::get_if<PreparedEvent>(event)) {
    if (prepared->notes.empty()) return false;
    prepared->notes.pop_back();
    return true;
  }
  if (auto* error = std::get_if<ErrorEvent>(event)) return halve(&error->message);
  if (auto* generated = std::get_if<GeneratedEvent>(event)) return halve(&generated->text);
  return false;
}

}  // namespace

Result<std::string> ToLine(const Request& request) {
  Writer writer;
  if (const auto* task = std::get_if<TaskRequest>(&request)) {
    writer.Field("kind", "task");
    writer.Field("id", task->id);
    writer.Field("task", kTaskNames[task->task.index()]);
    std::visit([&writer](auto copy) { Visit(writer, copy); }, task->task);
  } else {
    writer.Field("kind", "stop");
    StopRequest stop = std::get<StopRequest>(request);
    Visit(writer, stop);
  }
  std::string line = writer.Line();
  if (line.size() > kLineBytesMax) {
    return Fail(ErrorCode::kInvalid, "the request does not fit a line of 64 KiB");
  }
  return line;
}

std::string ToLine(const Event& event) {
  std::string line = Written(event);
  Event shorter = event;
  while (line.size() > kLineBytesMax && Cut(&shorter)) line = Written(shorter);
  return line;
}

Result<Request> ParseRequest(std::string_view line) {
  DURE_ASSIGN(const json object, ParseObject(line));
  const std::string kind = TextOf(object, "kind");
  Reader reader(object);
  if (kind == "stop") {
    StopRequest stop;
    Visit(reader, stop);
    DURE_TRY(reader.status());
    return Request(stop);
  }
  if (kind != "task") return Fail(ErrorCode::kInvalid, "kind is not task or stop");
  TaskRequest request;
  reader.Field("id", request.id);
  DURE_TRY(reader.status());
  using Task = decltype(TaskRequest::task);
  DURE_ASSIGN(request.task, ReadAlternative<Task>(object, TextOf(object, "task"), kTaskNames));
  return Request(std::move(request));
}

Result<Event> ParseEvent(std::string_view line) {
  DURE_ASSIGN(const json object, ParseObject(line));
  return ReadAlternative<Event>(object, TextOf(object, "kind"), kEventNames);
}

}  // namespace dure::seat
