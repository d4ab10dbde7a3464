// What belongs to the frames, in pieces that are loaded when a frame of the piece is looked at.

const PIECE = 256; // frames by seq in one answer; the server's number
const PIECES_KEPT = 12;
const MOST_LOADING = 2; // while the mouse is dragged over a long session, pieces go by in moments

export class Pieces {
  /** @param {(first: number) => Promise<Map<number, Array>>} load what a piece has, by seq */
  constructor(load) {
    this.load = load;
    this.pieces = new Map();
    this.loading = 0;
  }

  /** What a frame has, or null while it is being loaded. */
  of(seq, onReady) {
    const id = Math.floor(seq / PIECE);
    const piece = this.pieces.get(id);
    if (piece === undefined) {
      // when one of those is there, the frame is drawn again and asks again
      if (this.loading < MOST_LOADING) this.fetch(id, onReady);
      return null;
    }
    if (piece.loading) {
      piece.waiting.add(onReady);
      return null;
    }
    return piece.found.get(seq) || [];
  }

  /** Make sure that what a frame has will be there when it is wanted. */
  prefetch(seq) {
    const id = Math.floor(seq / PIECE);
    if (!this.pieces.has(id)) this.fetch(id, () => {});
  }

  /** Forget what frames from a seq on have: it has changed. */
  forget(from) {
    for (const id of [...this.pieces.keys()]) {
      if ((id + 1) * PIECE > from) this.pieces.delete(id);
    }
  }

  /** Load the pieces again that are there now; until then the old ones stay. */
  async reload(onReady) {
    await Promise.all([...this.pieces.keys()].map((id) => this.fetch(id, onReady, true)));
  }

  async fetch(id, onReady, keepOld = false) {
    const piece = { loading: true, waiting: new Set([onReady]), found: null };
    if (!keepOld) this.pieces.set(id, piece);
    this.loading += 1;
    try {
      piece.found = await this.load(id * PIECE);
      piece.loading = false;
    } catch {
      // asked again at the next look; that the server is away is said by whoever wants pictures
      if (this.pieces.get(id) === piece) this.pieces.delete(id);
      return;
    } finally {
      this.loading -= 1;
    }
    if (keepOld) this.pieces.set(id, piece);
    for (const old of this.pieces.keys()) {
      if (this.pieces.size <= PIECES_KEPT) break;
      if (old !== id) this.pieces.delete(old);
    }
    for (const ready of piece.waiting) ready();
  }
}
