// Names and IDs. A container without a name gets two words that are easy to say, to type and to
// tell apart.

import { NacreError } from "@nacre/core/error.ts";
import type { Random } from "@nacre/core/ports/random.ts";
import { randomHex } from "@nacre/core/random-hex.ts";

const QUALITIES =
  "amber azure bold brave bright brisk calm clear clever copper coral crisp deft eager early fair fleet fond free fresh gentle glad golden grand green happy hardy honest humble jade jolly keen kind light lively lucid lunar mellow merry mild neat nimble noble opal pale patient pearly plain proud quick quiet rapid red rosy round royal sandy serene sharp shiny silent silver sleek smooth snug solar spry steady still sunny swift tidal tidy vivid warm wise witty young".split(
    " ",
  );
const CREATURES =
  "abalone auk avocet barnacle bass beluga bittern carp chiton clam clione cod conch coot coral cormorant cowrie crab curlew cuttlefish dolphin dugong eel egret eider finch gannet goby godwit grebe gull gurnard hake heron herring ibis kelp kestrel kite krill lamprey limpet ling lobster loon manatee marlin merlin minke mullet murex mussel narwhal nautilus newt octopus orca osprey otter oyster perch petrel pike plover porpoise prawn puffin ray remora salmon scallop seal shag shrimp skate skua smelt sole sprat squid stork sturgeon teal tench tern trout tuna turtle urchin walrus whelk whimbrel wrasse".split(
    " ",
  );

/** 64 hexadecimal digits, of which the first twelve are not all digits (a hostname and a name must not look like a number). */
export function newContainerId(random: Random): string {
  for (;;) {
    const id = randomHex(random, 32);
    if (!/^\d+$/.test(id.slice(0, 12))) return id;
  }
}

/** Two words, and digits when `taken` says that the words are in use. */
export function newContainerName(random: Random, taken: (name: string) => boolean): string {
  for (let attempt = 0; ; attempt++) {
    const [a, b, c, d] = random.bytes(4) as unknown as [number, number, number, number];
    const words = `${QUALITIES[(a * 256 + c) % QUALITIES.length]}_${CREATURES[(b * 256 + d) % CREATURES.length]}`;
    const name = attempt < 5 ? words : `${words}${attempt}`;
    if (!taken(name)) return name;
  }
}

/** Docker's rule for names. Throws NacreError `invalid`. */
export function checkContainerName(name: string): string {
  const bare = name.startsWith("/") ? name.slice(1) : name;
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(bare)) return bare;
  throw new NacreError("invalid", `invalid container name (${JSON.stringify(bare)})`, {
    advice: "Only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, two characters at least.",
  });
}
