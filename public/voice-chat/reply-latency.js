/** When things happened in a turn, on the page's monotonic clock. Pure. */

/**
 * @typedef {object} TurnTiming
 * @property {string} itemId the answer
 * @property {number} noticedMs end of speech → the server's word that it heard the end
 * @property {number} answeredMs → first sound of the answer arrived
 * @property {number} playedMs → its first sample was played
 * @property {number} totalMs end of speech → first sample played
 */

/** Enough to find the end of a turn whose notice comes late, without growing for ever. */
const KEPT_FRAMES = 1500;

/** Maps a position in the speech sent to the moment it was spoken. */
export class SpeechClock {
  /** End of each frame: position in the speech sent, and moment. @type {{ positionMs: number, at: number }[]} */ #frames =
    [];
  #sentMs = 0;

  /**
   * @param {number} durationMs
   * @param {number} at the moment the frame's last sample was spoken
   */
  sent(durationMs, at) {
    this.#sentMs += durationMs;
    this.#frames.push({ positionMs: this.#sentMs, at });
    if (this.#frames.length > KEPT_FRAMES) this.#frames.splice(0, KEPT_FRAMES / 2);
  }

  /**
   * The moment at which a position was spoken; null when it is not known.
   * @param {number} positionMs
   */
  momentOf(positionMs) {
    const frame = this.#frames.find((candidate) => candidate.positionMs >= positionMs);
    return frame ? frame.at - (frame.positionMs - positionMs) : null;
  }
}

/** Follows each turn from the end of speech to the first sample played. */
export class TurnTimer {
  /** @type {{ endedAt: number, noticedAt: number } | null} */ #turn = null;
  /** @type {Map<string, { endedAt: number, noticedAt: number, answeredAt: number }>} */ #answers = new Map();

  /**
   * A turn is over and an answer is due.
   * @param {number} endedAt the moment speech ended or the message was sent
   * @param {number} noticedAt the moment the server said so, or the same
   */
  turnEnded(endedAt, noticedAt) {
    this.#turn = { endedAt, noticedAt };
    this.#answers.clear();
  }

  /**
   * Sound of an answer has arrived; only the first of a turn counts.
   * @param {string} itemId
   * @param {number} answeredAt
   */
  soundArrived(itemId, answeredAt) {
    if (!this.#turn) return;
    this.#answers.set(itemId, { ...this.#turn, answeredAt });
    this.#turn = null;
  }

  /**
   * The answer's first sample is played.
   * @param {string} itemId
   * @param {number} playedAt
   * @returns {TurnTiming | null} null unless it is the first answer of a turn
   */
  soundPlayed(itemId, playedAt) {
    const answer = this.#answers.get(itemId);
    if (!answer) return null;
    this.#answers.delete(itemId);
    const { endedAt, noticedAt, answeredAt } = answer;
    return {
      itemId,
      noticedMs: noticedAt - endedAt,
      answeredMs: answeredAt - noticedAt,
      playedMs: playedAt - answeredAt,
      totalMs: playedAt - endedAt,
    };
  }
}
