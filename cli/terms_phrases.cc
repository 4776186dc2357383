// Problems in terms files (policy/terms/terms.h), said in Korean: fields and codes stay as the file
// has them.
#include <array>

#include "cli/phrases.h"

namespace dure::cli {
namespace {

constexpr auto kTermsPhrases = std::to_array<Phrase>({
    {"*: no such field for this kind of duty", "*: 이 의무에는 쓰지 않는 항목입니다"},
    {"*: no such field; did you mean *?", "*: 없는 항목입니다. 혹시 *입니까?"},
    {"*: no such field; there are: *", "*: 없는 항목입니다. 쓸 수 있는 항목: *"},
    {"*: '*' does not fit; allowed: *", "*: '*'은(는) 맞지 않습니다. 쓸 수 있는 것: *"},
    {"*: nothing is said; allowed: *", "*: 내용이 없습니다. 쓸 수 있는 것: *"},
    {"… and * more", "… 그 밖에 *건"},
    {"not TOML: *", "TOML 형식이 아님: *"},
    {"not longer than 64 KiB", "64KiB를 넘는 파일임"},
    {"a number from 1; a change is the next one", "1부터의 번호(바꿀 때마다 다음 번호)"},
    {"no purpose that use = * rules out", "use = *에서 쓸 수 있는 목적"},
    {"each code once", "코드마다 한 번"},
    {"at most * over all codes", "모든 코드를 합해 *개 이하"},
    {"one of NRES, GRU, HMB, DS and POA; the others only narrow it",
     "NRES, GRU, HMB, DS, POA 가운데 하나(나머지 코드는 범위를 좁히기만 함)"},
    {"non-commercial, not-for-profit-org or research-only, because duo has *",
     "non-commercial, not-for-profit-org, research-only 가운데 하나(duo에 *이(가) 있기 때문)"},
    {"an SPDX licence expression: *", "SPDX 라이선스 표현식(*)"},
    {"written as *", "*(이)라는 표기"},
    {"one licence, or several joined by OR", "라이선스 하나, 또는 OR로 이은 여럿"},
    {"non-commercial or narrower, because * is non-commercial",
     "non-commercial이나 더 좁은 구분(*이(가) 비상업 라이선스이기 때문)"},
    {"no commercial purpose, because * is non-commercial",
     "상업적이지 않은 목적(*이(가) 비상업 라이선스이기 때문)"},
    {"ask or deny, because * lets nothing that was adapted be passed on; a further permission of "
     "the rights holder is written licence.data = \"*\"",
     "ask 또는 deny(*은(는) 변경한 것의 배포를 허용하지 않기 때문). 권리자가 따로 허락했다면 "
     "licence.data = \"*\"(으)로 씁니다"},
    {"* alone, or countries without it", "* 하나만, 또는 나라만"},
    {"countries by their ISO 3166 code in capitals, such as KR, or * alone for anywhere",
     "KR과 같은 ISO 3166 대문자 국가 코드, 또는 어디든 된다면 * 하나만"},
    {"countries by their ISO 3166 code in capitals, such as KR",
     "KR과 같은 ISO 3166 대문자 국가 코드"},
    {"no country that * names too", "*에 없는 나라"},
    {"not before validFrom, *", "validFrom(*)보다 이르지 않은 때"},
    {"not before collectedFrom", "collectedFrom보다 이르지 않은 때"},
    {"the legal ground, because the data is *", "법적 근거(데이터가 *이기 때문)"},
    {"true, because the data is * (PIPA art. 28-5)",
     "true(데이터가 *이기 때문, 개인정보 보호법 제28조의5)"},
    {"no or unknown, because there is no personal data", "no 또는 unknown(개인정보가 없기 때문)"},
    {"another ground: the data is identifiable, not pseudonymised (PIPA art. 28-2)",
     "다른 근거(가명정보가 아니라 식별 가능한 정보이기 때문, 개인정보 보호법 제28조의2)"},
    {"the line to be shown", "표시할 문구"},
    {"the days between reports", "보고 주기(일)"},
    {"the hours within which to tell", "알려야 하는 시간(시간 단위)"},
    {"the code of a formula", "계산식의 코드"},
    {"a code of letters, digits and -", "영문자, 숫자, -로 된 코드"},
    {"codes of letters, digits and -", "영문자, 숫자, -로 된 코드"},
    {"nothing, because withdrawal.allowed is false", "없음(withdrawal.allowed가 false이기 때문)"},
    {"where the reservation stands: *", "유보를 밝힌 곳(*)"},
    {"a name of a-z, 0-9 and -, at most 64 characters", "a-z, 0-9, -로 된 64자 이하의 이름"},
    {"a code such as the member's name, public-domain or various; never a private person",
     "회원 이름이나 public-domain, various와 같은 코드(개인은 쓸 수 없음)"},
    {"a number from 1 to *", "1부터 *까지의 수"},
    {"a number from 1", "1 이상의 수"},
    {"a table of fields", "항목을 담은 표"},
    {"a list of at most *", "항목이 *개 이하인 목록"},
    {"at most *", "* 이하"},
    {"a text in quotes", "따옴표로 묶은 글"},
    {"a list of texts in quotes", "따옴표로 묶은 글의 목록"},
    {"true or false", "true 또는 false"},
    {"a whole number from 0 to 2^53", "0부터 2^53까지의 정수"},
    {"a number of at least 0 with at most six decimals, such as 8.5",
     "소수점 아래 여섯 자리 이하의 0 이상인 수. 예: 8.5"},
    {"a date such as 2027-12-31, or 2027-12-31T18:00:00+09:00",
     "2027-12-31 또는 2027-12-31T18:00:00+09:00과 같은 날짜"},
    {"64 hex digits", "16진수 64자리"},
    {"a DUO code, such as DUO:0000046 or NCU", "DUO:0000046이나 NCU와 같은 DUO 코드"},
    {"a DUO code, such as DUO:0000046", "DUO:0000046과 같은 DUO 코드"},
    {"no tables so deep inside each other", "이보다 얕은 표"},
    {"a text of 1 to 16384 bytes, and at most 32 texts",
     "1바이트부터 16384바이트까지의 글, 모두 32개 이하"},
    {"one of *", "* 가운데 하나"},
});

}  // namespace

std::span<const Phrase> TermsPhrases() { return kTermsPhrases; }

}  // namespace dure::cli
