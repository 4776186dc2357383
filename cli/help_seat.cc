// What dure --help says of the whole, consortia, sites and whoever has a seat, in English and in
// Korean.
#include <array>

#include "cli/help_korean.h"

namespace dure::cli {
namespace {

constexpr auto kSeatHelp = std::to_array<HelpText>({
    // dure
    {"Dure: institutions train one model together; no one's data leaves home.",
     "두레: 여러 기관이 모델 하나를 함께 학습합니다. 누구의 데이터도 밖으로 나가지 않습니다."},
    {"Print this help message and exit", "이 도움말을 보여 줍니다"},
    {"Display program version information and exit", "버전을 보여 줍니다"},
    {"Print the result as one JSON object", "결과를 JSON 객체 하나로 출력합니다"},
    {"en or ko; the locale's by default", "en 또는 ko. 지정하지 않으면 로캘을 따릅니다"},
    {"Print results and errors only", "결과와 오류만 출력합니다"},
    // dure consortium
    {"Found, show and renew a consortium", "컨소시엄을 만들고, 보여 주고, 갱신합니다"},
    {"Found a consortium: its CA, the aggregator's and the first operator's keys",
     "컨소시엄을 만듭니다: 인증 기관(CA), 집계 서버의 키, 첫 운영자의 키"},
    {"The folder to make", "만들 폴더"},
    {"The consortium's name: a-z, 0-9 and -", "컨소시엄 이름: a-z, 0-9, -"},
    {"host:port at which sites reach the aggregator",
     "사이트가 집계 서버에 접속할 주소(host:port)"},
    {"host:port for enrolment (default: the next port)",
     "등록을 받을 주소(host:port). 기본값은 다음 포트"},
    {"More host names or IP addresses of the aggregator",
     "집계 서버의 다른 호스트 이름이나 IP 주소"},
    {"Where the member that runs it votes: public, private, academic or small-firm",
     "집계 서버를 운영하는 회원이 투표하는 구분: public(공공), private(민간), academic(학계), "
     "small-firm(중소기업)"},
    {"Its country: ISO 3166, two letters", "그 회원의 국가: ISO 3166 두 글자"},
    {"A folder with charter.toml and *.policy to begin with (default: Dure's own six)",
     "처음에 쓸 charter.toml과 *.policy가 든 폴더. 기본값은 두레의 예시 규칙 여섯 개"},
    {"Show a consortium: its CA, addresses, log and seats",
     "컨소시엄을 보여 줍니다: CA, 주소, 기록, 참가자"},
    {"The folder of init, or the aggregator's", "init으로 만든 폴더나 집계 서버의 폴더"},
    {"Renew the aggregator's, the operator's and the issuing certificates",
     "집계 서버와 운영자의 인증서, 발급용 인증서를 갱신합니다"},
    {"The folder that the aggregator serves from, or that of init where it is still in there; it "
     "is stopped",
     "집계 서버가 돌아가는 폴더, 또는 그 폴더가 아직 들어 있는 init의 폴더. 집계 서버를 멈춘 뒤에 "
     "실행합니다"},
    {"The operator's folder; the one beside the aggregator's by default",
     "운영자의 폴더. 기본값은 집계 서버 폴더 옆에 있는 것"},
    {"The folder ca-offline: also renews the issuing CA",
     "ca-offline 폴더. 지정하면 발급용 CA도 갱신합니다"},
    // dure invite
    {"Make an invitation for a site or a person", "사이트나 사람에게 줄 초대장을 만듭니다"},
    {"The operator's folder, or the folder of init", "운영자의 폴더나 init으로 만든 폴더"},
    {"The institution", "기관"},
    {"member, officer, researcher or operator",
     "member, officer(정책 담당자), researcher(연구자), operator(운영자) 가운데 하나"},
    {"Where the member votes: public, private, academic or small-firm; the same for every seat of "
     "the member",
     "회원이 투표하는 구분: public(공공), private(민간), academic(학계), small-firm(중소기업). 한 "
     "회원의 모든 초대장에서 같아야 합니다"},
    {"The member's country: ISO 3166, two letters; the same for every seat",
     "회원의 국가: ISO 3166 두 글자. 한 회원의 모든 초대장에서 같아야 합니다"},
    {"How long the invitation is good", "초대장의 유효 기간"},
    {"The name of the site, or of the person's desk", "사이트 이름, 또는 사람 자리의 이름"},
    // dure identity
    {"Show and renew who a folder is", "폴더가 누구의 것인지 보여 주고 인증서를 갱신합니다"},
    {"Show names, certificate, keys and addresses", "이름, 인증서, 키, 주소를 보여 줍니다"},
    {"A site's, a person's or the aggregator's folder", "사이트나 사람, 집계 서버의 폴더"},
    {"Renew the certificates now, with a new TLS key (a site's daemon does by itself)",
     "새 TLS 키로 인증서를 지금 갱신합니다(사이트의 데몬은 스스로 합니다)"},
    {"A person's folder, or a site's (the aggregator's is renewed by its daemon, or by dure "
     "consortium renew)",
     "사람이나 사이트의 폴더(집계 서버의 것은 그 데몬이나 dure consortium renew가 갱신합니다)"},
    // dure site
    {"Enrol and run a site", "사이트를 등록하고 운영합니다"},
    {"what the ranks split instead of each holding all: 0 nothing, 1 the optimizer's state, 2 also "
     "gradients, 3 also weights; 1 by default",
     "프로세스마다 모두 갖지 않고 나누어 가질 것: 0 없음, 1 옵티마이저 상태, 2 기울기까지, 3 "
     "가중치까지. 기본값 1"},
    {"take part in training rounds until interrupted", "멈출 때까지 학습 라운드에 참여합니다"},
    {"the site's folder, made by dure site enrol", "dure site enrol로 만든 사이트의 폴더"},
    {"the member's text: a folder or a file (text, TSV, CSV, JSONL, JSON); it stays here. Once for "
     "each dataset; left out: what dure dataset add registered",
     "회원의 글: 폴더나 파일(텍스트, TSV, CSV, JSONL, JSON). 밖으로 나가지 않습니다. 데이터셋마다 "
     "한 번씩 쓰며, 쓰지 않으면 dure dataset add로 등록한 것을 씁니다"},
    {"what you allow: a file of dure dataset form, or open (any use; recorded as CC0-1.0), or "
     "research-only (both say that there is no personal data); one for each --data, in its order",
     "허락하는 것: dure dataset form으로 만든 파일, 또는 open(어떤 용도든 가능, CC0-1.0으로 기록) "
     "또는 research-only(연구용). 뒤의 둘은 개인정보가 없다는 뜻이기도 합니다. --data마다 하나씩, "
     "같은 순서로 씁니다"},
    {"columns or fields that hold text; guessed by default",
     "글이 들어 있는 열이나 칸. 지정하지 않으면 짐작합니다"},
    {"runs this site takes part in; every run by default",
     "이 사이트가 참여할 학습. 기본값은 모두"},
    {"the site's own policy, a text that begins \"site policy\": it can only narrow what the "
     "consortium permits",
     "사이트 자체 규칙. \"site policy\"로 시작하는 글이며, 컨소시엄이 허락한 것을 좁힐 수만 "
     "있습니다"},
    {"rounds of one run at most; 0 for no limit", "학습 하나의 최대 라운드 수. 0이면 제한 없음"},
    {"privacy loss of each dataset over all runs at most, if its terms say no less; runs without "
     "noise are then declined",
     "모든 학습을 합한 데이터셋별 개인정보 손실의 한도(이용조건이 더 낮지 않다면). 정하면 잡음이 "
     "없는 학습에는 참여하지 않습니다"},
    {"of new privacy accounts, for good: below one in the number of sequences",
     "새 개인정보 손실 장부의 델타. 나중에 바꿀 수 없습니다. 시퀀스 수분의 1보다 작아야 합니다"},
    {"another program for the trainer's seat", "학습 프로그램 대신 쓸 다른 프로그램"},
    {"MiB a second that uploads take at most; no limit by default",
     "업로드 속도의 한도(초당 MiB). 기본값은 제한 없음"},
    {"threads for training and codec; all cores by default",
     "학습과 인코딩에 쓸 스레드 수. 기본값은 모든 코어"},
    {"its copy of the record is read back from the disk once in as many hours, and mended where it "
     "rotted; 24 by default, 0 for never",
     "기록의 사본을 몇 시간마다 디스크에서 다시 읽고 손상된 곳을 고칠지. 기본값 24, 0이면 하지 "
     "않음"},
    {"processes that train one model together, each with its share of the threads",
     "모델 하나를 함께 학습할 프로세스 수. 스레드를 나누어 씁니다"},
    {"seconds without a sign after which a rank is taken to hang, and so is a trainer between two "
     "steps or that was told to stop; 300 by default",
     "프로세스가 몇 초 동안 소식이 없으면 멈춘 것으로 볼지. 두 스텝 사이에 있거나 멈추라는 말을 "
     "들은 학습 프로그램에도 적용됩니다. 기본값 300"},
    {"what computes: auto (a GPU where every rank has one), cpu, or cuda, which refuses to go on "
     "without; `dure site doctor` says what there is",
     "계산 장치: auto(모든 프로세스에 GPU가 있으면 GPU), cpu, cuda(GPU가 없으면 시작하지 않음). "
     "무엇이 있는지는 `dure site doctor`가 알려 줍니다"},
    {"what a GPU makes again instead of keeping it: nothing, norms (the default), or layers, which "
     "takes the least memory and a third more time",
     "GPU에서 저장하지 않고 다시 계산할 것: nothing, norms(기본값), layers(메모리를 가장 적게 쓰고 "
     "시간은 3분의 1 더 걸림)"},
    {"on a GPU: a round that is computed again gives the same bits, on one kind of GPU and for one "
     "number of ranks; a step then takes about half as long again",
     "GPU에서: 같은 종류의 GPU와 같은 프로세스 수로 라운드를 다시 계산하면 비트까지 같은 결과가 "
     "나옵니다. 한 스텝이 절반쯤 더 걸립니다"},
    {"on the CPU: fp32 (the default), or bf16, whose products round what they multiply and are "
     "faster where the processor has instructions for it",
     "CPU에서: fp32(기본값) 또는 bf16(곱할 값을 반올림하며, 그 명령어가 있는 프로세서에서 더 "
     "빠름)"},
    {"on a GPU: adamw (the default), or muon for the layers' matrices, which ranks then hold whole "
     "(--zero 0)",
     "GPU에서: adamw(기본값) 또는 muon(층의 행렬에 사용. 각 프로세스가 행렬 전체를 가짐, --zero "
     "0)"},
    {"who starts the ranks: local, this machine; or slurm, the cluster's srun",
     "프로세스를 시작하는 쪽: local(이 컴퓨터) 또는 slurm(클러스터의 srun)"},
    {"where they run; the cluster's default by default",
     "프로세스가 돌 파티션. 기본값은 클러스터의 기본값"},
    {"an option of srun as it stands, such as --time=04:00:00; repeat it",
     "srun에 그대로 넘길 옵션(예: --time=04:00:00). 여러 번 쓸 수 있습니다"},
    {"Enrol with an invitation: makes keys, gets certificates",
     "초대장으로 등록합니다: 키를 만들고 인증서를 받습니다"},
    {"The line that the operator gave you; - reads it from standard input, so that other users of "
     "the machine do not see it among the running commands",
     "운영자에게 받은 한 줄. -이면 표준 입력에서 읽으므로, 이 컴퓨터의 다른 사용자가 실행 중인 "
     "명령 목록에서 볼 수 없습니다"},
    {"The folder to make, or the site's own to enrol again",
     "만들 폴더. 다시 등록할 때는 사이트의 폴더"},
    {"In the site's own folder: keys made anew, because the record ended the old ones; its copy of "
     "the record, its models and its error feedback stay",
     "사이트의 폴더에서, 기록에서 끝난 옛 키 대신 새 키를 만듭니다. 기록의 사본, 모델, 오차 "
     "보정값은 그대로 둡니다"},
    {"where this site stands in its runs", "이 사이트가 각 학습에서 어디까지 왔는지 보여 줍니다"},
    {"the site's folder", "사이트의 폴더"},
    {"leave a run; a contribution already receipted still counts, the rest stays at home",
     "학습에서 빠집니다. 영수증을 받은 기여분은 그대로 집계되고 나머지는 밖으로 나가지 않습니다"},
    {"the run's name", "학습 이름"},
    {"take part again in a run that the site left", "빠졌던 학습에 다시 참여합니다"},
    {"end a dissent: give up the model that the site derived and take the aggregator's",
     "이견을 끝냅니다: 사이트가 계산한 모델을 버리고 집계 서버의 모델을 받습니다"},
    {"what this machine has to train with", "이 컴퓨터에 학습에 쓸 무엇이 있는지 보여 줍니다"},
    // dure revoke
    {"End the access of a site, a member, one certificate or an invitation",
     "사이트, 회원, 인증서 하나 또는 초대장의 권한을 끝냅니다"},
    {"One line for the record", "기록에 남길 한 줄"},
    {"End an earlier revocation instead", "반대로, 전에 끝낸 권한을 되살립니다"},
    {"A site, or a person's desk", "사이트, 또는 사람의 자리"},
    {"An institution with all its sites and people", "기관과 그 기관의 모든 사이트와 사람"},
    {"One certificate, by its serial in hex", "인증서 하나. 16진수 일련번호로 지정합니다"},
    {"An invitation, by its nonce", "초대장. 그 논스로 지정합니다"},
    // dure aggregator
    {"run rounds and keep the log", "라운드를 진행하고 기록을 보관합니다"},
    {"serve until interrupted", "멈출 때까지 집계 서버를 돌립니다"},
    {"the aggregator's folder, made by dure consortium init",
     "dure consortium init으로 만든 집계 서버의 폴더"},
    {"host:port for members; the announced port on every interface by default",
     "회원을 받을 주소(host:port). 기본값은 모든 인터페이스에서 알려진 포트"},
    {"host:port for enrolment; likewise", "등록을 받을 주소(host:port). 기본값은 위와 같음"},
    {"write to the log before members have shown what they hold of it: only when you know that it "
     "was not restored from an older copy",
     "회원들이 가진 기록을 보여 주기 전에도 기록에 씁니다. 옛 사본에서 복원하지 않았음을 아는 "
     "경우에만 쓰십시오"},
    {"threads for merging; all cores by default", "병합에 쓸 스레드 수. 기본값은 모든 코어"},
    {"its log is read back from the disk once in as many hours, and mended where it rotted; 24 by "
     "default, 0 for never",
     "기록을 몇 시간마다 디스크에서 다시 읽고 손상된 곳을 고칠지. 기본값 24, 0이면 하지 않음"},
    {"how the aggregator and its log stand", "집계 서버와 기록의 상태를 보여 줍니다"},
    {"your folder: an operator's, an officer's or a researcher's",
     "운영자나 정책 담당자, 연구자인 자신의 폴더"},
    {"have the log's file read back from its disk now",
     "기록의 파일을 지금 디스크에서 다시 읽게 합니다"},
    {"the operator's folder", "운영자의 폴더"},
    // dure help
    {"explain a command or a topic", "명령이나 주제를 설명합니다"},
    {"A command, or the topic exit-codes", "명령, 또는 주제 exit-codes"},
});

}  // namespace

std::span<const HelpText> SeatHelp() { return kSeatHelp; }

}  // namespace dure::cli
