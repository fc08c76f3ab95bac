import { shellText } from "./shell-text.ts";

// Standard input in pieces. Whoever writes puts numbered files beside the record and rings a bell; one process of the sandbox
// hands them over in their order, so that a piece that is sent twice arrives once and a slow reader holds up nobody's request.

/** Shell, before the command starts: what the feeder needs, or a refusal. */
export const prepareFeeder = shellText(`
  mkfifo "$f.fifo" "$f.bell" || refuse nofeed
`);

/** Shell, in the keeper: starts the feeder and opens its end as descriptor 5. */
export const feeder = shellText(`
  (
    trap - TERM
    # Held open, so that the command sees the end of its input only when there is one.
    exec 3>&- 4>&- 5>"$f.fifo" 6<>"$f.bell"
    piece=0
    while :; do
      if [ -e "$f.in.$piece" ]; then
        [ ! "$f.eof" -ef "$f.in.$piece" ] || exit
        cat "$f.in.$piece" >&5 || exit
        # Kept without its content: who sent it may ask again whether it has arrived.
        true >"$f.in.$piece"
        piece=$((piece + 1))
        echo $piece >"$f.fed"
      # The bell is rung after the file is there, so that no ring is missed.
      else read -r word <&6
      fi
    done
  ) &
  feeder=$!
  feeder_start=-
  stat_of "$feeder" && feeder_start=$st_start
  echo "$feeder $feeder_start" >"$f.feeder"
  # Waits until the feeder has opened its own end.
  exec 5<"$f.fifo"
`);
