"""A policy officer who reads and acts in Korean, up to a withdrawal whose case is closed.

    korean_test.py PROGRAMS [unittest arguments]
"""

import sys
import unittest

from officers import REPORTS, OfficerCase


class Korean(OfficerCase):
    def test_an_officer_acts_and_is_answered_in_korean(self):
        self.begin(['north', 'south'])
        desk = self.all.officer('north')
        self.all.start_sites()
        self.all.propose('first', rounds=1)
        self.all.complete('first')
        self.all.check_run('first')

        def say(*words, expect=0, folder=desk):
            return self.all.says(*words, '--dir', folder, '--lang', 'ko', expect=expect)

        self.vote(say, desk)
        self.assertIn('north: 활동 중, 민간 회원, KR, 사이트 north, 정책 담당자 1명',
                      say('member', 'list'))
        self.assertIn('공동 서명', say('ledger', 'witnesses'))
        self.assertIn('거부한 것이 없습니다', say('ledger', 'dissent'))
        record = say('run', 'record', 'first')
        for line in ('학습 목적(purpose): 과학적 연구', '보안 합산(masking): 쓰지 않음(none)',
                     '라운드당 학습 시간(초)(secondsPerRound): 제한 없음',
                     '병합 방식(merge): 평균(mean)'):
            self.assertIn(line, record)
        self.assertIn('"nosuch"(이)라는 데이터셋이 등록되어 있지 않습니다',
                      say('grant', 'consent', 'nosuch', '--standing', expect=1))
        self.assertIn("'run.purpose'에 값이 없습니다. run.purpose=statistics처럼 쓰십시오. ",
                      say('why', '1', '--what-if', 'run.purpose', expect=1))
        shown = say('round', 'show', 'first', '0')
        self.assertIn('first 라운드 0: ', shown)
        self.assertIn('dure model export --round에서는 이 라운드가 1입니다', shown)
        decided = str([each['index'] for each in self.all.entries('aggregator', 'first')
                       if each['type'] == 'admission-decided'][0])
        why = say('why', decided)
        self.assertIn('한 바이트도 다르지 않습니다', why)
        # Nothing has to change for what was admitted.
        self.assertNotIn('사실 하나만', why)
        self.assertIn('혹시 run.purpose입니까?',
                      say('why', decided, '--what-if', 'run.purpos=statistics', expect=1))

        plan = say('withdraw', 'plan', 'north')
        self.assertIn('고를 수 있는 범위', plan)
        self.assertIn('철회는 한 번만 할 수 있고 범위는 나중에 바꿀 수 없습니다.', plan)
        self.assertIn('다른 회원의 데이터셋임(foreign-dataset): south는 north의 것이 아닙니다',
                      say('withdraw', 'file', 'south', '--scope', 'retrain', expect=1))
        # Nobody's scope is guessed: who did not say it is told what each costs; nothing is filed.
        told = say('withdraw', 'file', 'north', expect=1)
        self.assertIn('--scope로 철회 범위를 지정하십시오', told)
        self.assertIn('(retire-models): 모델 1개와', told)
        self.assertNotIn('철회됨', say('dataset', 'list'))
        self.assertIn('데이터셋 north의 이용을 철회했습니다(항목 ',
                      say('withdraw', 'file', 'north', '--scope', 'future-rounds'))
        entry = str(self.all.entries('aggregator')[-1]['index'])
        self.assertIn(f'north는 항목 {entry}에서 이미 철회되었습니다(범위 이후 라운드에서 제외',
                      say('withdraw', 'plan', 'north'))
        self.assertIn('처리했음을 보여 주는 항목이 아님(no-evidence): 항목 3은 철회 뒤에',
                      say('withdraw', 'close', entry, '--evidence', '3', expect=1))
        self.assertIn('철회됨(처리 중)', say('dataset', 'list'))
        # A round without it shows that it is done.
        self.all.propose('second', rounds=1, quorum=1)
        self.all.complete('second')
        closed = [each for each in self.all.entries('aggregator', 'second')
                  if each['type'] == 'round-closed'][0]
        self.assertEqual([each['site'] for each in closed['event']['submissions']], ['south'])
        self.assertIn(f'항목 {entry}의 철회 처리를 마무리했습니다(항목 ',
                      say('withdraw', 'close', entry, '--evidence', str(closed['index'])))
        self.assertIn('철회됨(처리 완료)', say('dataset', 'list'))
        self.assertIn('그 항목에는 처리 중인 철회가 없습니다',
                      say('withdraw', 'close', entry, '--evidence', str(closed['index']), expect=1))
        self.assertIn('결정\n  ', say('ledger', 'verify', '--full'))

    def vote(self, say, desk):
        # The first command of an officer fetches the record; what only reads it says so.
        self.assertIn(f'먼저 dure tally --dir {desk}를 실행하십시오',
                      say('ledger', 'verify', expect=1))
        with open(f'{self.folder}/p7.policy', 'w', encoding='utf-8') as file:
            file.write(REPORTS)
        proposed = say('policy', 'propose', f'{self.folder}/p7.policy')
        self.assertIn('"P7 Reports" 버전 1을 안건으로 올렸습니다(항목 ', proposed)
        proposal = str(self.all.dure('tally', '--dir', desk)['proposals'][0]['proposal'])
        self.assertIn(f'dure vote {proposal} yes|no|abstain --dir {desk}', proposed)
        self.assertIn('choice: 예는 쓸 수 없는 값입니다. 쓸 수 있는 값: yes,no,abstain',
                      say('vote', proposal, '예', expect=2))
        self.assertIn('정책 담당자의 폴더가 필요합니다',
                      say('vote', proposal, 'no', expect=3, folder=self.all.home('north')))
        self.assertIn(f'항목 {proposal}의 안건에 반대로 투표했습니다(항목 ',
                      say('vote', proposal, 'no'))
        # One no of two ends the vote as soon as the aggregator has counted.
        self.assertRegex(say('vote', proposal, 'yes', expect=1),
                         r'이미 투표한 회원임\(voted-twice\)|투표가 이미 끝남\(vote-over\)')
        self.assertIn('항목 9999번은 없습니다', say('vote', '9999', 'yes', expect=1))

    def test_what_cannot_be_is_refused_before_anything_is_sent(self):
        self.begin(['north'])
        said = self.all.says('invite', '--dir', self.all.consortium, '--member', 'north', '--site',
                             'other', '--role', 'officer', '--house', 'public', '--lang', 'ko',
                             expect=1)
        self.assertIn('north는 민간(private) 회원이고 소재국은 KR입니다', said)
        self.assertIn('--house private --country KR', said)
        said = self.all.says('run', 'start', '--dir', self.all.home('north'), '--name', 'first',
                             expect=3)
        self.assertIn('this needs an operator\'s folder', said)
        self.assertNotIn('uploading', said)
        desk = self.all.officer('north')
        self.assertIn("'Korea'는 국가 코드가 아닙니다",
                      self.all.says('grant', 'request', '--model', '0' * 64, '--territory', 'Korea',
                                    '--dir', desk, '--lang', 'ko', expect=1))

    def test_what_is_wrong_with_a_text_is_said_in_korean_with_its_place(self):
        self.begin(['north'])
        desk = self.all.officer('north')
        path = f'{self.folder}/wrong.policy'
        with open(path, 'w', encoding='utf-8') as file:
            file.write(REPORTS.replace('oblige', 'obliges'))
        said = self.all.says('policy', 'propose', path, '--dir', desk, '--lang', 'ko', expect=1)
        self.assertIn('wrong.policy:3:11: permit, forbid, require, oblige 가운데 하나가 와야 하는데 '
                      '여기에는 obliges가 있습니다', said)
        self.assertIn("혹시 'oblige'입니까?", said)


if __name__ == '__main__':
    OfficerCase.programs = sys.argv.pop(1)
    unittest.main(verbosity=2)
