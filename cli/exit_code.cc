#include "cli/exit_code.h"

namespace dure::cli {
namespace {

constexpr std::string_view kKorean = R"(dure의 종료 코드

  0  마침
  1  실패: 파일이 없거나 이미 있음, 값이 틀림, 디스크가 가득 참, 지금 상태에서는 할 수 없음
  2  사용법: 명령줄이 틀렸고 아무것도 하지 않음
  3  거절: 상대가 거절했거나, 증명·서명·인증서·다이제스트가 맞지 않음
  4  응답 없음: 아무도 답하지 않음. 같은 명령이 나중에는 될 수 있음
  5  설정 오류: 데몬을 시작할 때 준 옵션·조건·정책·폴더가 맞지 않음. 데몬은 시작하지
     않았고, 누군가 고치기 전에는 시작하지 못함

실패하면 표준 오류의 한 줄이 무엇이 어디에서 잘못되었고 어떻게 하면 되는지 알려 줍니다. --json을
쓰면 {"error": {"code": "...", "message": "...", "exit_code": 3}} 꼴의 객체입니다. 그때 표준 출력에는
실패하기 전에 나온 것만 있습니다.
)";

}  // namespace

ExitCode ExitCodeOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnauthenticated:
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kCorrupt:
      return ExitCode::kRefused;
    case ErrorCode::kUnavailable:
      return ExitCode::kUnavailable;
    case ErrorCode::kInvalid:
    case ErrorCode::kNotFound:
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kFailedPrecondition:
    case ErrorCode::kExhausted:
    case ErrorCode::kCancelled:
    case ErrorCode::kInternal:
      return ExitCode::kFailed;
  }
  return ExitCode::kFailed;
}

std::string_view ExitCodesHelp(bool korean) {
  if (korean) return kKorean;
  return R"(Exit codes of dure

  0  done
  1  failed: a file is missing or exists already, a value is wrong, a disk is full, a state does
     not fit
  2  usage: the command line is wrong; nothing was done
  3  refused: a peer said no, or a proof, signature, certificate or digest does not verify
  4  unavailable: nobody answered; the same command may work later
  5  set up wrongly: an option, terms, a policy or the folder that a daemon was started with does
     not fit; it did not begin, and will not before somebody has changed that

On failure, one line on standard error says what was wrong, where, and what to do. With --json it
is one object: {"error": {"code": "...", "message": "...", "exit_code": 3}}. Standard output then
holds nothing but what was printed before the failure.
)";
}

}  // namespace dure::cli
