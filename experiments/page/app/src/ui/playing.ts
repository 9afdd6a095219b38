// Playing: a moment that moves on by itself, frame by frame, until its end or until it is stopped.
import { useEffect, useRef, useState } from "preact/hooks";

export interface Playing {
  playing: boolean;
  start: () => void;
  stop: () => void;
}

// at: the moment now; span: the last one; pace(moment): moments a second; move(moment): where it is then.
export function usePlaying(at: number, span: number, pace: (moment: number) => number, move: (moment: number) => void): Playing {
  const [playing, setPlaying] = useState(false);
  const now = useRef({ at, span, pace, move });
  now.current = { at, span, pace, move };

  // A frame that is under way when it is stopped must not move it any more: state alone would come too late.
  const running = useRef(false);
  const set = (on: boolean) => {
    running.current = on;
    setPlaying(on);
  };
  useEffect(() => {
    if (!playing) return;
    let before = performance.now();
    let exact = now.current.at >= now.current.span ? 0 : now.current.at;
    let frame = requestAnimationFrame(function next(time: number) {
      if (!running.current) return;
      exact = Math.min(now.current.span, exact + ((time - before) / 1000) * now.current.pace(exact));
      before = time;
      now.current.move(exact);
      if (exact >= now.current.span) set(false);
      else frame = requestAnimationFrame(next);
    });
    return () => cancelAnimationFrame(frame);
  }, [playing]);
  return { playing, start: () => set(true), stop: () => set(false) };
}
