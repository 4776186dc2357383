// What an entry would break, and what became of a record (policy/standing, policy/ledger, clerk),
// said in Korean.
#include <array>

#include "cli/phrases.h"

namespace dure::cli {
namespace {

constexpr auto kRecordPhrases = std::to_array<Phrase>({
    // A record that went back or was changed.
    {"the log is refused (*); evidence is in *; nothing is contributed until somebody has looked "
     "and removes *",
     "이 기록을 받아들이지 않습니다. *. 증거는 *에 있습니다. 담당자가 확인하고 *을(를) 지울 때까지 "
     "아무것도 제출하지 않습니다"},
    {"the log is refused (*); evidence is in *",
     "이 기록을 받아들이지 않습니다. *. 증거는 *에 있습니다"},
    {"held * entries, offered *; entries * to * are gone, which its key had signed",
     "이 사본에는 항목이 *개 있는데 집계 서버가 보인 기록은 *개입니다. 기록의 키로 서명되었던 항목 "
     "*부터 *까지가 사라졌습니다"},
    {"held * entries, offered *; *",
     "이 사본에는 항목이 *개 있는데 집계 서버가 보인 기록은 *개입니다. *"},
    {"held * entries, offered *, came with *",
     "이 사본에는 항목이 *개 있고 집계 서버가 보인 기록은 *개인데, 함께 온 항목은 *개입니다"},
    {"held * entries, offered *",
     "이 사본에는 항목이 *개 있는데 집계 서버가 보인 기록은 *개입니다"},
    {"the offered head does not extend the one held: *",
     "집계 서버가 보인 기록은 이 사본에서 이어지지 않습니다. *"},
    {"entry * (*) *; there now: *", "항목 *(*): *. 지금 그 자리에 있는 것: *"},
    {"was rewritten", "다시 쓰였습니다"},
    {"was dropped", "빠졌습니다"},
    {"changed places with the entry after it", "다음 항목과 자리가 바뀌었습니다"},
    {"has another one put before it", "앞에 다른 항목이 끼어들었습니다"},
    {"no entry of this log", "이 기록의 항목이 아님"},
    {"the entries do not hash to the signed root of *",
     "항목이 *개짜리 기록의 서명된 루트와 맞지 않습니다"},
    {"the entries do not hash to the signed root", "항목이 서명된 루트와 맞지 않습니다"},
    {"the entry is not signed by the key it names", "적힌 키로 서명되지 않은 항목입니다"},
    {"this site lends no data that may be evaluated on; *",
     "이 사이트에는 모델 평가에 쓸 수 있는 데이터가 없습니다. *"},
    {"this site lends no data that may be evaluated on",
     "이 사이트에는 모델 평가에 쓸 수 있는 데이터가 없습니다"},
    {"*: the site's own rules refuse it (own-policy)", "*: 사이트 자체 규칙이 거부함(own-policy)"},
    {"the file is no dissent", "이의가 든 파일이 아닙니다"},
    {"the dissent names no key or no entry", "이의에 키나 항목 번호가 없습니다"},
    {"the dissent is not signed by the key it names", "적힌 키로 서명되지 않은 이의입니다"},
    {"a dissent about an event that this version does not know",
     "이 프로그램이 모르는 종류의 항목에 대한 이의입니다"},
    {"this copy dissents from entry * (*): *; the signed dissent is *",
     "이 사본은 항목 *(*)에 동의하지 않습니다. *. 서명한 이의는 *에 있습니다"},
    {"* holds a head of * entries that this log's key signed; this log has *: it was restored from "
     "an older copy. Stop the aggregator and run dure ledger heal with a member's copy",
     "*에는 이 기록의 키로 서명된 항목 *개짜리 트리 헤드가 있는데 이 기록의 항목은 *개입니다. 예전 "
     "사본으로 되돌린 것입니다. 집계 서버를 멈추고 회원의 사본으로 dure ledger heal을 "
     "실행하십시오"},
    {"* holds a head of * entries that this log's key signed; this log has other entries up to "
     "there: it is another log. Nothing is written to it any more",
     "*에는 이 기록의 키로 서명된 항목 *개짜리 트리 헤드가 있는데 그때까지의 항목이 이 기록과 "
     "다릅니다. 다른 기록이므로 더는 아무것도 쓰지 않습니다"},
    {"after its start the aggregator compares its log with what members hold, and not enough of "
     "them have connected yet; try again",
     "집계 서버가 시작한 뒤 자신의 기록을 회원들의 사본과 비교하고 있는데 아직 접속한 사이트가 "
     "모자랍니다. 잠시 뒤에 다시 해 보십시오"},
    // Copies side by side, and what is taken away from one.
    {"FORK: two heads that the same key signed cannot both be true. As seen from *, in * *. Keep "
     "both folders: together they are the proof",
     "분기(FORK): 같은 키로 서명된 두 트리 헤드가 함께 참일 수 없습니다. *에서 볼 때 *에서는 *. 두 "
     "폴더를 모두 보관하십시오. 둘이 함께 증거가 됩니다"},
    {"these are copies of two logs: * and *", "서로 다른 기록의 사본입니다: *, *"},
    {"* is a copy of another log, *", "*은(는) 다른 기록(*)의 사본입니다"},
    {"that copy does not continue this log: *; dure ledger compare says where they part",
     "그 사본은 이 기록에서 이어지지 않습니다(*). 어디서 갈라졌는지는 dure ledger compare로 볼 수 "
     "있습니다"},
    {"that copy contradicts this one's signed head of * entries; dure ledger compare says where "
     "they part",
     "그 사본은 이 폴더에 있는 항목 *개짜리 서명된 트리 헤드와 어긋납니다. 어디서 갈라졌는지는 "
     "dure ledger compare로 볼 수 있습니다"},
    {"that copy is of another log, *", "그 사본은 다른 기록(*)의 것입니다"},
    {"the signed root of * entries can be made neither of this file's leaf hashes nor of that "
     "copy's. Take a copy that holds more: another member's",
     "항목 *개의 서명된 루트를 이 파일로도 그 사본으로도 만들 수 없습니다. 더 많이 가진 다른 "
     "회원의 사본을 쓰십시오"},
    {"this file speaks of * entries, and the tree head over them has rotted. Take a copy that "
     "holds "
     "more: another member's",
     "이 파일의 항목은 *개인데 그 트리 헤드가 손상되었습니다. 더 많이 가진 다른 회원의 사본을 "
     "쓰십시오"},
    {"entry * has rotted, and that copy ends before it. Take a copy that holds more: another "
     "member's",
     "항목 *이(가) 손상되었는데 그 사본은 그보다 먼저 끝납니다. 더 많이 가진 다른 회원의 사본을 "
     "쓰십시오"},
    {"the entry to prove is beyond the log's head", "그 번호의 항목은 이 사본에 없습니다"},
    {"the copy has no tree head to export yet", "이 사본에는 아직 내보낼 트리 헤드가 없습니다"},
    {"* is not a tree head of * (*); export into another folder",
     "*은(는) *의 트리 헤드가 아닙니다(*). 다른 폴더에 내보내십시오"},
    {"* holds * entries and this copy of the log *: it is behind, and a published log only grows",
     "*에는 항목이 *개 있는데 이 사본의 항목은 *개입니다. 이 사본이 뒤처졌고, 내보낸 기록은 "
     "늘어나기만 합니다"},
    {"*, of * entries, is signed by the log and has another root than this copy at that size: the "
     "log has told two histories; keep both",
     "*(항목 *개)은 이 기록의 키로 서명되었으나 같은 크기에서 이 사본과 루트가 다릅니다. 기록이 두 "
     "가지로 갈라졌으니 둘 다 보관하십시오"},
    {"writing *: *", "*에 쓰지 못했습니다(*)"},
    {"the aggregator sent no entries", "집계 서버가 항목을 보내지 않았습니다"},
    {"the log is not that long yet", "기록이 아직 그만큼 길지 않습니다"},
    {"the aggregator says that the entry is at *, where another one stands",
     "집계 서버가 알려 준 항목 * 자리에 다른 항목이 있습니다"},
    {"the aggregator at * does not answer; the same may work later (*)",
     "*의 집계 서버가 응답하지 않습니다. 잠시 뒤에 다시 해 보십시오(*)"},
    // Datasets and withdrawals.
    {"the passport is of *, kept by *; * registers *",
     "데이터셋 소개에는 데이터셋이 *, 관리 기관이 *(으)로 되어 있으나 *이(가) *을(를) 등록합니다"},
    {"* has no say over *", "*에는 *에 대한 권한이 없습니다"},
    {"* is not *'s", "*은(는) *의 것이 아닙니다"},
    {"version * of * was due, * came", "버전 *(*)이 올 차례인데 *이(가) 왔습니다"},
    {"* was withdrawn; lend it under a new name",
     "*은(는) 철회되었습니다. 새 이름으로 등록하십시오"},
    {"the terms of * say withdrawal.allowed = false: only the grounds consent and court end its "
     "use",
     "*의 이용조건은 withdrawal.allowed = false입니다. 동의 철회(consent)와 법원 명령(court)만 "
     "이용을 끝낼 수 있습니다"},
    {"the terms of * let its owner ask for * (withdrawal.scopes), not *",
     "*의 이용조건에서 권리자가 요구할 수 있는 범위(withdrawal.scopes)는 *이며, *은(는) 없습니다"},
    {"the terms of * give others * days (withdrawal.noticeDays), and the deadline is earlier",
     "*의 이용조건은 예고 기간을 *일로 정했는데(withdrawal.noticeDays) 기한이 그보다 이릅니다"},
    {"entry * does not show that * is out, as the withdrawal asks (*)",
     "항목 *은(는) 철회 범위대로 *을(를) 뺐음을 보여 주지 않습니다(*)"},
    {"* was withdrawn before", "*은(는) 이미 철회되었습니다"},
    {"* was withdrawn", "*은(는) 철회되었습니다"},
    {"no withdrawal is open there", "그 항목에는 처리 중인 철회가 없습니다"},
    {"entry * closes no round, run or grant after the withdrawal",
     "항목 *은(는) 철회 뒤에 라운드나 학습, 이용 허가를 끝낸 항목이 아닙니다"},
    {"a case is closed by entries that show it done",
     "처리했음을 보여 주는 항목이 있어야 마무리할 수 있습니다"},
    // Grants, shares, disclosures.
    {"the record changed between the decision and its entry", "결정하는 동안 기록이 바뀌었습니다"},
    {"no grant stands at entry *", "항목 *에는 유효한 이용 허가가 없습니다"},
    {"* lent nothing to that model", "그 모델에는 *의 데이터가 없습니다"},
    {"it was never proposed", "제안된 적이 없습니다"},
    {"the shares of * recompute to others", "*의 몫을 다시 계산하면 결과가 다릅니다"},
    {"it was computed from other entries than those before it",
     "바로 앞까지의 항목으로 계산한 것이 아닙니다"},
    {"the formula in force is \"*\"", "시행 중인 산식은 \"*\"입니다"},
    {"it speaks of entries that are not there yet", "아직 없는 항목을 가리킵니다"},
    {"no closed round made what it speaks of", "그 모델을 만든 라운드가 없습니다"},
    // Incidents and duties.
    {"entries after itself are said to show it", "자신보다 뒤의 항목을 근거로 들었습니다"},
    {"entry * reports no incident that is open", "항목 *은(는) 처리 중인 사고 신고가 아닙니다"},
    {"* reported it, and closes it", "신고한 *만 종결할 수 있습니다"},
    {"the evidence is not of the time since", "신고 뒤의 항목이 아닙니다"},
    {"it is said to be mended, and nothing shows", "조치를 마쳤다는 근거 항목이 없습니다"},
    {"no key was revoked since", "그 뒤로 폐기된 키가 없습니다"},
    {"entry * began no duty *", "항목 *에서 시작된 의무 *번은 없습니다"},
    {"* owes it", "*의 의무입니다"},
    {"entry * says it is done", "항목 *에서 이미 이행했습니다"},
    {"entry * closes no round", "항목 *은(는) 라운드를 끝낸 항목이 아닙니다"},
    {"they are on record already", "이미 기록되어 있습니다"},
    // What was measured.
    {"it does not say on which data, and who let it be measured on",
     "어떤 데이터로 쟀는지, 무엇이 그것을 허락했는지 적지 않았습니다"},
    {"what * measured is for itself to say", "*에서 잰 값은 그 사이트만 적을 수 있습니다"},
    {"entry * does not let * measure that model on * for *",
     "항목 *은(는) *에서 *(으)로 그 모델을 평가하도록 허락한 결정이 아닙니다(학습 *)"},
    {"no model may be measured on * of *: *", "*(*)(으)로는 모델을 평가할 수 없습니다: *"},
    {"* is withdrawn", "*은(는) 철회되었습니다"},
    {"* is not lent by the member of *", "*은(는) *의 기관이 제공한 데이터가 아닙니다"},
    // Members, policies and votes.
    {"* stands in a house already", "*의 구분은 이미 정해져 있습니다"},
    {"* stands in no house", "*의 구분이 정해지지 않았습니다"},
    {"only a consortium policy can be adopted", "컨소시엄 정책만 채택할 수 있습니다"},
    {"an emergency policy only forbids", "긴급 정책은 금지만 할 수 있습니다"},
    {"nothing was proposed there", "그 항목에는 안건이 없습니다"},
    {"nothing is due on this proposal at this moment", "이 안건은 지금 결과가 나올 때가 아닙니다"},
    {"it names no member", "회원의 이름이 아닙니다"},
    {"* is suspended", "*은(는) 이미 정지되어 있습니다"},
    {"* is not suspended", "*은(는) 정지되어 있지 않습니다"},
    {"there is no voting rule yet", "아직 투표 규칙이 없습니다"},
    {"it was made for other policies than those in force",
     "지금 시행 중인 정책을 바탕으로 만든 안건이 아닙니다"},
    {"version * of \"*\" is in force; the next is greater",
     "버전 *의 \"*\"이(가) 시행 중입니다. 더 큰 번호를 쓰십시오"},
    {"rule * is also in the emergency text \"*\", in force until *: no decision could say which of "
     "the two it means; give the rule another name, or propose the very same text",
     "규칙 *은(는) 긴급 정책 \"*\"에도 있고 그 정책은 *까지 시행됩니다. 어느 쪽을 말하는지 결정에 "
     "적을 수 없으니 규칙의 이름을 바꾸거나 똑같은 글을 제안하십시오"},
    {"rule * is also in \"*\", which is in force: no decision could say which of the two it means; "
     "give the rule another name",
     "규칙 *은(는) 시행 중인 \"*\"에도 있습니다. 어느 쪽을 말하는지 결정에 적을 수 없으니 규칙의 "
     "이름을 바꾸십시오"},
    {"rule * is also in \"*\", which run * was approved under: no decision could say which of the "
     "two it means; give the rule another name",
     "규칙 *은(는) \"*\"에도 있고, 그 정책은 학습 *이(가) 승인될 때의 것입니다. 어느 쪽을 말하는지 "
     "결정에 적을 수 없으니 규칙의 이름을 바꾸십시오"},
    {"a share formula reads \"*\"; the first four sum to 100, the cap is 1 to 100",
     "몫의 산식은 \"*\"와 같이 씁니다. 앞의 네 수를 더하면 100이고 cap은 1에서 100까지입니다"},
    {"the vote is on another text", "다른 안건에 대한 표입니다"},
    {"the vote has ended", "투표가 끝났습니다"},
    {"the window closed at *", "투표 기간은 *에 끝났습니다"},
    {"* has voted", "*은(는) 이미 투표했습니다"},
    {"* has no voice in its own suspension", "*은(는) 자기 자격 정지에 투표하지 못합니다"},
    // What a replay found.
    {"replayed, * gives admit", "다시 결정하면 승인입니다(*)"},
    {"replayed, * gives deny, by *", "다시 결정하면 거부입니다(*, 규칙 *)"},
    {"replayed, * gives deny", "다시 결정하면 거부입니다(*)"},
    {"the aggregator says * after it said *", "집계 서버가 *라고 한 것은 *라고 한 뒤입니다"},
    {"it was decided from entries after itself", "자신보다 뒤의 항목으로 결정했습니다"},
    {"it was decided under policies that the run did not pin",
     "학습이 승인될 때의 정책으로 결정하지 않았습니다"},
    {"it was decided under policies that are not in force",
     "시행 중이지 않은 정책으로 결정했습니다"},
    {"* is not approved", "*은(는) 승인되지 않았습니다"},
    {"* round * was not opened", "*의 라운드 *은(는) 시작되지 않았습니다"},
    {"* round * is not open", "*의 라운드 *은(는) 진행 중이 아닙니다"},
    {"* does not run", "*은(는) 진행 중이 아닙니다"},
    // What a disk did not keep (dure ledger scrub, heal).
    {"entry * (*): its bytes are not those that the signed tree head counts",
     "항목 *(*): 서명된 트리 헤드에 든 내용과 다릅니다"},
    {"entry * (*): what its row says of it is not what its bytes say",
     "항목 *(*): 목록에 적힌 것이 항목의 내용과 다릅니다"},
    {"stored entry * no longer hashes to its leaf",
     "저장된 항목 *이(가) 자신의 해시와 맞지 않습니다"},
    {"stored entry *: *", "저장된 항목 *에 손상된 곳이 있습니다(*)"},
    {"entries are missing from the store", "저장된 항목 가운데 빠진 것이 있습니다"},
    {"entry * is gone", "항목 *: 사라졌습니다"},
    {"the tree head of * entries is no head that the log's key signed",
     "항목 *개의 트리 헤드: 기록의 키로 서명된 것이 아닙니다"},
    {"the tree head of * entries is of another size", "항목 *개의 트리 헤드: 항목 수가 다릅니다"},
    {"the tree head of * entries has another root than the entries",
     "항목 *개의 트리 헤드: 루트가 항목들과 맞지 않습니다"},
    {"a cosignature of the tree head of * entries (*) does not verify",
     "항목 *개의 트리 헤드에 한 공동 서명(*)이 맞지 않습니다"},
    {"it could not be mended: *", "고치지 못했습니다. *"},
    {"statement: field _type is not in-toto's Statement/v1",
     "항목의 진술이 in-toto Statement/v1 형식이 아닙니다"},
});

}  // namespace

std::span<const Phrase> RecordPhrases() { return kRecordPhrases; }

}  // namespace dure::cli
