// Plays random games with the Hanabi Learning Environment's library and writes everything that can be seen of them to standard output: the test
// replays them. Arguments: library, games, seed, players, colours, ranks, hand, hint tokens, life tokens.
//
// Records: D colour rank; S player status score lives hints deck moves:8 bits..., one packed observation a player; M move; E.
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { int color, rank; } card;
typedef struct { void *p; } ref;

static void *lib;

static void *find(const char *name) {
	void *f = dlsym(lib, name);
	if (!f) {
		fprintf(stderr, "the library has no %s\n", name);
		exit(1);
	}
	return f;
}

static uint64_t rng;
static uint32_t draw(uint32_t n) {
	rng = rng * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((rng >> 33) % n);
}

int main(int argc, char **argv) {
	if (argc != 10 || !(lib = dlopen(argv[1], RTLD_NOW))) {
		fprintf(stderr, "library %s: %s\n", argc > 1 ? argv[1] : "missing", dlerror());
		return 1;
	}
	void (*NewGame)(ref *, int, const char **) = find("NewGame");
	void (*NewState)(ref *, ref *) = find("NewState");
	void (*DeleteState)(ref *) = find("DeleteState");
	void (*Deal)(ref *) = find("StateDealRandomCard");
	int (*CurPlayer)(ref *) = find("StateCurPlayer");
	int (*HandSize)(ref *, int) = find("StateGetHandSize");
	void (*HandCard)(ref *, int, int, card *) = find("StateGetHandCard");
	int (*Status)(ref *) = find("StateEndOfGameStatus");
	int (*Score)(ref *) = find("StateScore");
	int (*Lives)(ref *) = find("StateLifeTokens");
	int (*Hints)(ref *) = find("StateInformationTokens");
	int (*DeckSize)(ref *) = find("StateDeckSize");
	int (*MaxMoves)(ref *) = find("MaxMoves");
	void (*GetMoveByUid)(ref *, int, ref *) = find("GetMoveByUid");
	bool (*MoveIsLegal)(ref *, ref *) = find("MoveIsLegal");
	bool (*Playable)(ref *, int, int) = find("CardPlayableOnFireworks");
	void (*Apply)(ref *, ref *) = find("StateApplyMove");
	void (*NewObservation)(ref *, int, ref *) = find("NewObservation");
	void (*DeleteObservation)(ref *) = find("DeleteObservation");
	void (*NewEncoder)(ref *, ref *, int) = find("NewObservationEncoder");
	char *(*Encode)(ref *, ref *) = find("EncodeObservation");

	int games = atoi(argv[2]), players = atoi(argv[4]), hand = atoi(argv[7]);
	rng = strtoull(argv[3], 0, 10) * 2 + 1;
	const char *params[] = {"seed", argv[3], "players", argv[4], "colors", argv[5], "ranks", argv[6], "hand_size", argv[7],
		"max_information_tokens", argv[8], "max_life_tokens", argv[9]};
	ref game, encoder;
	NewGame(&game, 14, params);
	NewEncoder(&encoder, &game, 0);
	int n = MaxMoves(&game);
	ref moves[64];
	for (int m = 0; m < n; m++) GetMoveByUid(&game, m, &moves[m]);

	static char buffer[1 << 20];
	setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
	for (int g = 0; g < games; g++) {
		ref s;
		NewState(&game, &s);
		for (;;) {
			while (CurPlayer(&s) < 0) {
				int to = 0;
				while (HandSize(&s, to) == hand) to++;
				Deal(&s);
				card c;
				HandCard(&s, to, HandSize(&s, to) - 1, &c);
				putchar('D'), putchar(c.color), putchar(c.rank);
			}
			int player = CurPlayer(&s), over = Status(&s) != 0;
			uint64_t legal = 0;
			for (int m = 0; m < n && !over; m++) legal |= (uint64_t)MoveIsLegal(&s, &moves[m]) << m;
			putchar('S'), putchar(player), putchar(Status(&s)), putchar(Score(&s)), putchar(Lives(&s)), putchar(Hints(&s)), putchar(DeckSize(&s));
			fwrite(&legal, 8, 1, stdout);
			for (int p = 0; p < players; p++) {
				ref o;
				NewObservation(&s, p, &o);
				char *text = Encode(&encoder, &o); // "0,1,..."
				int byte = 0, bits = 0;
				for (char *t = text;; t += 2) {
					byte |= (*t == '1') << bits;
					if (++bits == 8 || !t[1]) putchar(byte), byte = bits = 0;
					if (!t[1]) break;
				}
				free(text);
				DeleteObservation(&o);
			}
			if (over) break;
			// A third of the games is played at random; in the others cards that do not fit are rarely played, so that they get further.
			int m;
			for (int tries = 0;; tries++) {
				do m = draw(n); while (!(legal >> m & 1));
				if (g % 3 == 0 || draw(60) == 0 || tries > 200) break;
				if (g % 3 == 2 && tries < 40 && (m < hand || m >= 2 * hand)) continue; // looks for a play first
				if (m < hand || m >= 2 * hand) break;
				card c;
				HandCard(&s, player, m - hand, &c);
				if (Playable(&s, c.color, c.rank)) break;
			}
			putchar('M'), putchar(m);
			Apply(&s, &moves[m]);
		}
		putchar('E');
		DeleteState(&s);
	}
	return fflush(stdout) != 0;
}
