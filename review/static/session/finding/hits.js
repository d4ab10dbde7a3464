// Frames that match a query, joined into suspects: frames that follow each other are one thing to
// look at, shown by its worst frame.

import { joined } from "../lanes/intervals.js";

const APART = 5; // frames: what is nearer is the same suspect

/**
 * @param {Array<{seq: number, score: number, reasons: string[], keypoints: string[], text: string}>}
 *   hits in any order
 * @returns {Array<Object>} suspects, the worst first: its worst hit, with first, last, frames and runs
 */
export function suspectsOf(hits) {
  const bySeq = [...hits].sort((a, b) => a.seq - b.seq);
  const suspects = [];
  let open = null;
  for (const hit of bySeq) {
    if (open === null || hit.seq - open.last > APART) {
      open = { ...hit, first: hit.seq, last: hit.seq, seqs: [] };
      suspects.push(open);
    }
    open.last = hit.seq;
    open.seqs.push(hit.seq);
    if (hit.score > open.score) {
      const { seq, time_s, score, reasons, keypoints, text } = hit;
      Object.assign(open, { seq, time_s, score, reasons, keypoints, text });
    }
  }
  for (const suspect of suspects) suspect.runs = joined(suspect.seqs.map((seq) => [seq, seq]));
  return suspects.sort((a, b) => b.score - a.score || a.seq - b.seq);
}
