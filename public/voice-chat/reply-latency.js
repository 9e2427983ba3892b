/** Measure the time from the end of the user's speech to the first sound of the answer, in ms on the clock of `performance.now()`. Pure. */

/**
 * @typedef {object} TurnTiming
 * @property {string} itemId of the answer
 * @property {number} noticedMs from the end of speech to the server's event that reports it
 * @property {number} answeredMs from there to the arrival of the answer's first audio
 * @property {number} playedMs from there to its first sample being played
 * @property {number} totalMs from the end of speech to the first sample being played
 */

/** One minute of speech: the server reports the end of a turn much sooner. */
const KEPT_FRAMES = 1500;

/** Map a position in the audio that was sent to the moment at which it was spoken. */
export class SpeechClock {
  /** Where each frame ends in the audio that was sent, and when it was spoken. @type {{ positionMs: number, at: number }[]} */ #frames =
    [];
  #sentMs = 0;

  /**
   * A frame was sent.
   * @param {number} durationMs
   * @param {number} at when the frame's last sample was spoken
   */
  sent(durationMs, at) {
    this.#sentMs += durationMs;
    this.#frames.push({ positionMs: this.#sentMs, at });
    if (this.#frames.length > KEPT_FRAMES) this.#frames.splice(0, KEPT_FRAMES / 2);
  }

  /**
   * When a position was spoken; null when that is not known.
   * @param {number} positionMs of audio sent before it
   */
  momentOf(positionMs) {
    const frame = this.#frames.find((candidate) => candidate.positionMs >= positionMs);
    return frame ? frame.at - (frame.positionMs - positionMs) : null;
  }
}

/** Follow each turn from the end of speech to the first sample played. */
export class TurnTimer {
  /** @type {{ endedAt: number, noticedAt: number } | null} */ #turn = null;
  /** @type {Map<string, { endedAt: number, noticedAt: number, answeredAt: number }>} */ #answers = new Map();

  /**
   * The user's turn is over and an answer is due.
   * @param {number} endedAt when speech ended, or the message was sent
   * @param {number} noticedAt when the server reported it; for a message the same moment
   */
  turnEnded(endedAt, noticedAt) {
    this.#turn = { endedAt, noticedAt };
    this.#answers.clear();
  }

  /**
   * Audio of an answer has arrived; only the first of a turn counts.
   * @param {string} itemId
   * @param {number} answeredAt
   */
  soundArrived(itemId, answeredAt) {
    if (!this.#turn) return;
    this.#answers.set(itemId, { ...this.#turn, answeredAt });
    this.#turn = null;
  }

  /**
   * An answer's first sample is played.
   * @param {string} itemId
   * @param {number} playedAt
   * @returns {TurnTiming | null} null when the answer is not the first of a turn
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
