// What is wrong with a command line, a folder or a proof that was handed over (CLI11,
// federation/identity, policy/ledger, policy/exports), said in Korean.
#include <array>

#include "cli/phrases.h"

namespace dure::cli {
namespace {

constexpr auto kCommandPhrases = std::to_array<Phrase>({
    // The command line.
    {"*: * not in {*}", "*: *은(는) 쓸 수 없는 값입니다. 쓸 수 있는 값: *"},
    {"*: Value * not in range * to *", "*: *은(는) 범위를 벗어납니다. *부터 *까지 쓸 수 있습니다"},
    {"*: * is below 0", "*: *은(는) 0보다 작습니다"},
    {"Could not convert: * = *", "*에 쓸 수 없는 값입니다: *"},
    {"The following argument was not expected: *", "이 명령에 없는 인수입니다: *"},
    {"The following arguments were not expected: *", "이 명령에 없는 인수들입니다: *"},
    {"A subcommand is required", "하위 명령이 필요합니다"},
    {"*: * required * missing", "*에 값이 없습니다(필요한 값 *개, *)"},
    {"* excludes *", "*과(와) *은(는) 함께 쓸 수 없습니다"},
    {"* is required", "*이(가) 필요합니다"},
    {"--* requires --*", "--*은(는) --*과(와) 함께 써야 합니다"},
    {"'*' is no span of time (for example *)", "'*'은(는) 기간이 아닙니다(예: *)"},
    {"'*' is no country code: two capital letters (ISO 3166), for example KR",
     "'*'은(는) 국가 코드가 아닙니다. KR과 같은 대문자 두 글자(ISO 3166)로 쓰십시오"},
    {"--type '*' is not one of: *", "--type '*'은(는) 없는 종류입니다. 쓸 수 있는 것: *"},
    {"dataset name \"*\" may hold only a-z, 0-9 and '-'",
     "데이터셋 이름 \"*\": a-z, 0-9, '-'만 쓸 수 있습니다"},
    {"run name \"*\" may hold only a-z, 0-9 and '-'",
     "학습 이름 \"*\": a-z, 0-9, '-'만 쓸 수 있습니다"},
    {"purpose '*' is not one of: *", "목적 '*'은(는) 쓸 수 없는 값입니다. 쓸 수 있는 값: *"},
    {"merge '*' is not one of: *", "병합 방식 '*'은(는) 쓸 수 없는 값입니다. 쓸 수 있는 값: *"},
    {"the form was left; nothing was written", "질문을 그만두었습니다. 아무것도 쓰지 않았습니다"},
    {"'*' is neither a preset (tiny, small) nor a file",
     "'*'은(는) 기본 모델(tiny, small)도 파일도 아닙니다"},
    // A charter, and the rules to begin with.
    {"* is true or false, without quotes", "*은(는) 따옴표 없이 true 또는 false로 씁니다"},
    {"* is a whole number, without quotes", "*은(는) 따옴표 없이 정수로 씁니다"},
    {"* is no field of a charter; there are: *",
     "*은(는) 헌장에 없는 항목입니다. 쓸 수 있는 항목: *"},
    {"* is from 0 to *", "*은(는) 0부터 *까지의 수입니다"},
    {"two policies in force have a rule *, so a decision could not say which one it means",
     "두 정책에 규칙 *이(가) 있어 결정이 어느 쪽을 말하는지 알 수 없습니다"},
    {"* is no site policy: its first words are \"site policy\", and it can only forbid, require "
     "and oblige",
     "*은(는) 사이트 정책이 아닙니다. 사이트 정책은 \"site policy\"로 시작하고 forbid, require, "
     "oblige만 쓸 수 있습니다"},
    {"'*' is no action", "'*'은(는) 행위가 아닙니다"},
    // Data that cannot be read.
    {"nothing in * holds text; *", "*에서 읽을 수 있는 글을 찾지 못했습니다: *"},
    {"* row *: is not UTF-8 text (Korean of older programs: iconv -f CP949 -t UTF-8); *",
     "* *행: UTF-8 글이 아닙니다(예전 한글 프로그램의 파일이면 iconv -f CP949 -t UTF-8); *"},
    {"* row *: is not UTF-8 text (Korean of older programs: iconv -f CP949 -t UTF-8)",
     "* *행: UTF-8 글이 아닙니다(예전 한글 프로그램의 파일이면 iconv -f CP949 -t UTF-8)"},
    {"* row *: is not UTF-8 text; *", "* *행: UTF-8 글이 아닙니다; *"},
    {"* row *: is not UTF-8 text", "* *행: UTF-8 글이 아닙니다"},
    {"* is not UTF-8 text (Korean of older programs: iconv -f CP949 -t UTF-8)",
     "*은(는) UTF-8 글이 아닙니다(예전 한글 프로그램의 파일이면 iconv -f CP949 -t UTF-8)"},
    {"* is not UTF-8 text but UTF-16 (\"Unicode text\" of Excel: iconv -f UTF-16 -t UTF-8)",
     "*은(는) UTF-8이 아니라 UTF-16 글입니다(엑셀의 '유니코드 텍스트'이면 iconv -f UTF-16 -t "
     "UTF-8)"},
    {"* is not UTF-8 text", "*은(는) UTF-8 글이 아닙니다"},
    // Folders.
    {"* is held: a daemon, or another command, works in this folder; stop it first",
     "*이(가) 잠겨 있습니다. 이 폴더에서 데몬이나 다른 명령이 돌고 있으니 먼저 멈추십시오"},
    {"* holds nobody's keys: it is neither the folder that dure site enrol made (an officer's, a "
     "site's) nor that of dure consortium init",
     "*에는 아무의 키도 없습니다. dure site enrol로 만든 폴더(정책 담당자나 사이트)나 dure "
     "consortium "
     "init으로 만든 폴더를 지정하십시오"},
    {"* belongs to *; this needs an operator's folder",
     "*에는 *의 키가 있습니다. 이 일에는 운영자의 폴더가 필요합니다"},
    {"the certificate in * expired *; renew it on the aggregator's machine (dure consortium renew)",
     "*의 인증서가 *에 만료되었습니다. 집계 서버에서 dure consortium renew로 갱신하십시오"},
    {"the certificate in * expired *; ask the operator for a new invitation and enrol again",
     "*의 인증서가 *에 만료되었습니다. 운영자에게 새 초대장을 받아 다시 등록하십시오"},
    {"the issuing CA ends *, in * days, and every certificate with it: from then on nobody "
     "connects, and every site needs a new invitation. Renew it before: stop the aggregator, "
     "dure consortium renew --dir DIR --root CA-OFFLINE, start it again; daemons then renew "
     "theirs by themselves",
     "발급용 CA가 *, *일 뒤에 만료되고 모든 인증서도 함께 만료됩니다. 그때부터 아무도 접속하지 "
     "못하고 사이트마다 새 초대장이 필요합니다. 그 전에 집계 서버를 멈추고 dure consortium "
     "renew --dir 폴더 --root CA-OFFLINE 명령으로 갱신한 뒤 다시 시작하십시오. 데몬의 인증서는 "
     "저절로 갱신됩니다"},
    {"the issuing CA ends *, in * day, and every certificate with it: from then on nobody "
     "connects, and every site needs a new invitation. Renew it before: stop the aggregator, "
     "dure consortium renew --dir DIR --root CA-OFFLINE, start it again; daemons then renew "
     "theirs by themselves",
     "발급용 CA가 *, *일 뒤에 만료되고 모든 인증서도 함께 만료됩니다. 그때부터 아무도 접속하지 "
     "못하고 사이트마다 새 초대장이 필요합니다. 그 전에 집계 서버를 멈추고 dure consortium "
     "renew --dir 폴더 --root CA-OFFLINE 명령으로 갱신한 뒤 다시 시작하십시오. 데몬의 인증서는 "
     "저절로 갱신됩니다"},
    {"the issuing CA ended *, and every certificate with it: from then on nobody connects, and "
     "every site needs a new invitation. Renew it before: stop the aggregator, dure consortium "
     "renew --dir DIR --root CA-OFFLINE, start it again; daemons then renew theirs by themselves",
     "발급용 CA가 *에 만료되었고 모든 인증서도 함께 만료됩니다. 그때부터 아무도 접속하지 못하고 "
     "사이트마다 새 초대장이 필요합니다. 그 전에 집계 서버를 멈추고 dure consortium renew --dir "
     "폴더 --root CA-OFFLINE 명령으로 갱신한 뒤 다시 시작하십시오. 데몬의 인증서는 저절로 "
     "갱신됩니다"},
    {"the aggregator at * does not answer; is dure aggregator serve running there, and the port "
     "open? (*)",
     "*의 집계 서버가 응답하지 않습니다. 그 컴퓨터에서 dure aggregator serve가 돌고 있는지, 포트가 "
     "열려 있는지 확인하십시오(*)"},
    {"dure ledger scrub --dir * says what has rotted; dure ledger heal --dir * --from COPY mends "
     "it "
     "from another member's copy",
     "손상된 곳은 dure ledger scrub --dir * 명령으로 볼 수 있고, dure ledger heal --dir * --from "
     "사본 명령으로 다른 회원의 사본에서 고칠 수 있습니다"},
    // Runs and their models.
    {"no run \"*\" (dure run list shows them)",
     "\"*\"(이)라는 학습이 없습니다. dure run list로 확인하십시오"},
    {"run \"*\" is not paused but *", "학습 \"*\"은(는) 멈춘 상태가 아닙니다(*)"},
    {"no site \"*\" is enrolled", "\"*\"(이)라는 사이트가 등록되어 있지 않습니다"},
    {"no site has run in * yet (dure site serve takes part in runs)",
     "*에서는 아직 사이트가 실행된 적이 없습니다(dure site serve로 학습에 참여합니다)"},
    {"wrong role: * needs *, and * is *",
     "역할이 맞지 않습니다: *에는 역할 *이(가) 필요한데 *의 역할은 *입니다"},
    {"this copy of the log has no closed round of run \"*\" (its runs: *)",
     "이 사본에는 학습 \"*\"의 완료된 라운드가 없습니다(있는 학습: *)"},
    {"round * of run \"*\" is not closed; the last one is *",
     "라운드 *은(는) 학습 \"*\"에서 완료되지 않았습니다. 마지막으로 완료된 라운드: *"},
    {"* is there already and not an empty folder; nothing is written over: choose another --to",
     "*은(는) 이미 있고 비어 있지 않습니다. 덮어쓰지 않으니 --to에 다른 폴더를 쓰십시오"},
    {"manifest: merge is *, which looks at each site's update, and masking hides those: choose "
     "masking none, which shows each update to the aggregator, or merge mean or direction-norm",
     "병합 방식이 *이면 각 사이트의 갱신을 보아야 하는데 보안 합산은 그것을 가립니다. 갱신을 집계 "
     "서버에 보이는 --masking none이나 --merge mean, direction-norm을 고르십시오"},
    {"manifest: valuation is *, and masking hides single updates: choose masking none, which shows "
     "each update to the aggregator, or valuation none (shares by the voted formula need no "
     "valuation)",
     "기여 평가 방식이 *인데 보안 합산은 개별 갱신을 가립니다. 갱신을 집계 서버에 보이는 --masking "
     "none이나 --valuation none을 고르십시오(표결로 정한 산식에 따른 몫에는 이 평가가 필요 "
     "없습니다)"},
    {"manifest: valuation is *, and merge * says nothing of a part of the contributions: choose "
     "merge mean or valuation none",
     "기여 평가 방식이 *인데 병합 방식 *(으)로는 일부 기여만의 모델을 알 수 없습니다. --merge "
     "mean이나 --valuation none을 고르십시오"},
    {"the model has * parameters; uploading its first weights",
     "매개변수가 *개인 모델입니다. 첫 가중치를 올립니다"},
    {"these have not answered in time: *; what the others measured is on the record (*)",
     "제때 답하지 않은 사이트: *. 나머지가 평가한 결과는 기록에 있습니다(*)"},
    {"* holds no copy of the record yet; first type dure tally --dir *, which fetches it",
     "*에는 아직 기록의 사본이 없습니다. 먼저 dure tally --dir *을(를) 실행하십시오"},
    {"* holds no copy of the record; give the folder of a site or of the aggregator that has "
     "served, or of a person",
     "*에는 기록의 사본이 없습니다. 한 번이라도 실행된 사이트나 집계 서버의 폴더, 또는 개인 폴더를 "
     "지정하십시오"},
    {"* is an exported folder: check it with dure ledger fsck --tiles *",
     "*은(는) 내보낸 폴더입니다. dure ledger fsck --tiles *(으)로 확인하십시오"},
    {"the copy in * has no entries yet (a site's first ones come with its first receipt): *",
     "*에 있는 사본에는 아직 항목이 없습니다. 사이트의 사본은 첫 영수증과 함께 시작됩니다(*)"},
    {"* does not exist", "*이(가) 없습니다"},
    {"*/checkpoint is missing",
     "*/checkpoint 파일이 없습니다. dure ledger export로 만든 폴더를 지정하십시오"},
    {"*/tile/* is missing", "*/tile/* 파일이 없습니다"},
    {"* is larger than it can be", "*이(가) 있을 수 있는 크기보다 큽니다"},
    {"* cannot be read", "* 파일을 읽을 수 없습니다"},
    {"* cannot be written", "* 파일을 쓸 수 없습니다"},
    {"* exists; nothing is written over", "* 파일이 이미 있어 덮어쓰지 않았습니다"},
    {"* exists; give another folder with --out",
     "* 파일이 이미 있습니다. --out으로 다른 폴더를 지정하십시오"},
    {"this copy has * entries, not *",
     "이 사본에는 항목이 *개뿐입니다. *개까지의 기록으로는 만들 수 없습니다"},
    {"no closed round of this log made model *",
     "이 기록에서 완료된 라운드 가운데 모델 *을(를) 만든 것이 없습니다"},
    {"there is no identity in *; enrol first (dure site enrol INVITATION --dir *)",
     "*에는 신원이 없습니다. 먼저 등록하십시오(dure site enrol 초대장 --dir *)"},
    {"while reading *: *", "*을(를) 읽는 중: *"},
    {"*/constitution says what the record does not (* of it), and nothing is written before "
     "members "
     "have shown the heads that they hold. If this folder was not restored from a backup, start "
     "once with: *",
     "*/constitution에 기록에 없는 것이 있습니다(*건). 회원들이 가진 트리 헤드를 보여 주기 전에는 "
     "아무것도 쓰지 않습니다. 백업에서 복원한 폴더가 아니라면 한 번만 다음과 같이 시작하십시오: *"},
    {"entry * of this copy does not hold (*): nothing is exported from it",
     "이 사본의 항목 *이(가) 맞지 않아(*) 아무것도 내보내지 않습니다"},
    // Enrolment.
    {"enrolling: *", "등록하지 못했습니다. *"},
    {"the invitation expired *; ask the operator for a new one (this machine's clock says *)",
     "초대장의 기한이 *에 끝났습니다. 운영자에게 새 초대장을 받으십시오(이 컴퓨터의 시계로는 지금 "
     "*입니다)"},
    {"the invitation expired *; ask the operator for a new one",
     "초대장의 기한이 *에 끝났습니다. 운영자에게 새 초대장을 받으십시오"},
    {"the invitation was withdrawn *; ask the operator for a new one",
     "초대장이 *에 취소되었습니다. 운영자에게 새 초대장을 받으십시오"},
    {"the invitation was used already, with other keys; ask the operator for a new one (and tell "
     "them if it was not you)",
     "이미 다른 키로 쓰인 초대장입니다. 운영자에게 새 초대장을 받으십시오(직접 쓴 것이 아니라면 "
     "운영자에게 알리십시오)"},
    {"the invitation is of an earlier version of Dure; ask the operator for a new one",
     "이전 버전의 초대장입니다. 운영자에게 새 초대장을 받으십시오"},
    {"the invitation *; copy the whole line again, or ask for a new one",
     "초대장이 온전하지 않습니다(*). 한 줄 전체를 다시 복사하거나 새 초대장을 받으십시오"},
    {"is too long", "너무 긺"},
    {"is cut short", "끝이 잘림"},
    {"is damaged", "글자가 바뀜"},
    {"does not begin with dure2-", "dure2-로 시작하지 않음"},
    {"was altered: its signature does not verify", "내용이 바뀌어 서명이 맞지 않음"},
    {"* belongs to *; the invitation is for *: use another folder",
     "*은(는) *의 폴더이고 초대장은 *의 것입니다. 다른 폴더를 쓰십시오"},
    {"standard input holds no invitation in its first line",
     "표준 입력의 첫 줄에 초대장이 없습니다"},
    {"there is a run \"*\" already; choose another name",
     "\"*\"(이)라는 학습이 이미 있습니다. 다른 이름을 쓰십시오"},
    // A proof, an entry or a key that somebody handed over.
    {"not a tlog-proof file: *", "증명 파일(tlog-proof)이 아닙니다: *"},
    {"too large", "너무 큼"},
    {"no empty line before the tree head", "트리 헤드 앞에 빈 줄이 없음"},
    {"another first line", "첫 줄이 다름"},
    {"the extra line is malformed", "extra 줄이 잘못됨"},
    {"no index line", "번호 줄이 없음"},
    {"the proof is too long", "증명이 너무 긺"},
    {"the receipt's index line is malformed", "증명의 번호 줄이 잘못되었습니다"},
    {"a proof hash is not standard base64", "증명의 해시가 표준 base64가 아닙니다"},
    {"the entry is not at index * of the tree of *",
     "이 항목은 항목 *번 자리에 있지 않습니다(항목 *개의 트리)"},
    {"not a verifier key: *", "기록의 키를 읽을 수 없습니다: *"},
    {"no '+'", "'+'가 없음"},
    {"the key id is not 8 hex digits", "키 번호가 16진수 8자리가 아님"},
    {"the key is not 33 bytes in base64", "키가 33바이트의 base64가 아님"},
    {"not an Ed25519 key", "Ed25519 키가 아님"},
    {"not an Ed25519 cosigner's key", "Ed25519 공동 서명 키가 아님"},
    {"the key id is not this key's", "키 번호가 이 키의 것이 아님"},
    {"say which log: --vkey KEY, or --dir of a copy you trust",
     "어느 기록인지 --vkey로 키를, 또는 --dir로 믿는 사본을 지정하십시오"},
    {"the note's signature by * is wrong", "*의 서명이 맞지 않습니다"},
    {"no known key signed the note", "아는 키로 된 서명이 없습니다"},
    {"the note has too many signatures", "서명이 너무 많습니다"},
    {"a signature line of the note is malformed", "서명 줄이 잘못되었습니다"},
    {"the note is too large", "서명된 글이 너무 큽니다"},
    {"the note is not text ending in a newline", "서명된 글이 줄바꿈으로 끝나지 않습니다"},
    {"the note has no signatures", "서명이 없습니다"},
    {"not a plain decimal number", "십진수가 아닙니다"},
    {"a tree head is three lines: origin, size, root",
     "트리 헤드는 이름, 항목 수, 루트의 세 줄이어야 합니다"},
    {"a tree head's origin has no space or '+'",
     "트리 헤드의 이름에는 빈칸이나 '+'를 쓸 수 없습니다"},
    {"the root is not in standard base64", "루트가 표준 base64가 아닙니다"},
    {"the tree head is of *, not of *", "트리 헤드는 *의 것이며 *의 것이 아닙니다"},
    {"the tiles do not hash to the root of the checkpoint",
     "내보낸 해시가 체크포인트의 루트와 맞지 않습니다"},
    {"the checkpoint carries lines that neither the log nor a cosigner made",
     "체크포인트에 기록도 공동 서명자도 만들지 않은 줄이 있습니다"},
    {"the envelope is not a JSON object", "항목 파일이 JSON 객체가 아닙니다"},
    {"the envelope is larger than an entry may be", "항목 파일이 너무 큽니다"},
    {"the envelope does not hold an in-toto statement", "항목 파일에 in-toto 진술이 없습니다"},
    {"the statement is not a JSON object", "항목의 진술이 JSON 객체가 아닙니다"},
    {"the statement's subject is not what its event is about", "항목의 대상이 그 내용과 다릅니다"},
    {"an event type this version does not know", "이 버전이 모르는 종류의 항목입니다"},
    {"envelope: field * is missing", "항목 파일에 * 칸이 없습니다"},
    {"statement: field * is missing", "항목의 진술에 * 칸이 없습니다"},
    // What a proposer asks of masking, noise and merging.
    {"--* can never be reached: * sites are invited",
     "--*: 초대한 사이트가 *곳이라 결코 채울 수 없습니다"},
    {"a round of * sites cannot be masked: --quorum * or more, or --masking none, which shows each "
     "update to the aggregator",
     "사이트 *곳의 라운드는 가릴 수 없습니다. --quorum을 * 이상으로 하거나, 집계 서버가 "
     "사이트마다의 "
     "갱신을 보게 되는 --masking none을 쓰십시오"},
    {"--* is a rule of masked sums, and this run is not masked: it needs three sites or more and "
     "no "
     "--masking none",
     "--*은(는) 가려서 더할 때의 합산 규칙인데 이 학습은 가리지 않습니다. 사이트가 셋 이상이어야 하고 "
     "--masking none을 쓰지 않아야 합니다"},
    {"masking needs sites of * members, and * are there; --masking none shows each update to the "
     "aggregator",
     "가리려면 회원 *곳의 사이트가 필요한데 *곳뿐입니다. --masking none을 쓰면 집계 서버가 "
     "사이트마다의 갱신을 보게 됩니다"},
    {"--privacy * needs masking: without it the aggregator sees each site's update with only that "
     "site's share of the noise",
     "--privacy *을(를) 쓰려면 가려야 합니다. 가리지 않으면 집계 서버가 사이트마다의 갱신을 그 "
     "사이트 몫의 잡음만 섞인 채로 봅니다"},
    {"--privacy-delta tells an epsilon, and without --privacy or --dp-sgd there is none",
     "--privacy-delta는 엡실론을 말하는 기준인데, --privacy도 --dp-sgd도 없으면 엡실론이 없습니다"},
    {"--dp-sgd *: * is missing; write *", "--dp-sgd *: *이(가) 없습니다. *처럼 쓰십시오"},
    {"--dp-sgd *: \"*\" needs a number above 0; write *",
     "--dp-sgd *: \"*\"에는 0보다 큰 수를 써야 합니다. *처럼 쓰십시오"},
    {"with its noise a coordinate of one member reaches * grid units, and a lane *; wider lanes "
     "work, or less noise, or fewer parameters, or more members whose noise is counted, or a "
     "smaller bound on each coordinate",
     "한 회원의 좌표 하나가 잡음을 더하면 격자 *칸까지 이르는데 숫자 형식에는 *칸까지만 "
     "들어갑니다. "
     "더 넓은 숫자 형식, 더 적은 잡음, 더 적은 매개변수, 잡음을 셈에 넣을 수 있는 더 많은 회원, "
     "또는 "
     "더 좁은 좌표 한도면 됩니다"},
    {"manifest: merge is * and the quorum *, but every round needs * contributions or more (*)",
     "병합 방식은 *, 최소 기여 수는 *인데, 라운드마다 기여가 * 이상 있어야 합니다(*)"},
    {"manifest: norm_max is * but must be 0 under masking: nobody sees the norm of one update",
     "--norm-max *은(는) 가릴 때 쓸 수 없습니다. 한 갱신의 길이를 아무도 보지 못합니다"},
    {"manifest: privacy needs the mean: noise is counted in a plain sum",
     "--privacy는 --merge mean에서만 쓸 수 있습니다. 잡음은 그대로 더한 합에서만 셀 수 있습니다"},
});

}  // namespace

std::span<const Phrase> CommandPhrases() { return kCommandPhrases; }

}  // namespace dure::cli
