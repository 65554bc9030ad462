#!/bin/sh
# Copies a tape of flowbackup into a directory that recover.py and flowbackup read as a medium:
#     sh dump-tape.sh /dev/nst0 DIRECTORY
# The drive may also be the directory of one virtual tape.
set -eu
drive=$1 target=$2 number=0

next_file() { # Copies the tape up to the next file mark, whatever the length of its blocks.
    if [ -d "$drive" ]; then
        cat "$drive/$(printf 'file-%05d' "$number")" >"$1" 2>/dev/null || : >"$1"
    else
        # The end of what was written is an error of some drives, and an empty file of others.
        dd if="$drive" of="$1" bs=1M 2>/dev/null || [ -s "$1" ] || : >"$1"
    fi
    number=$((number + 1))
    [ -s "$1" ]
}

field() { # A number in the header of a record: file, place, length.
    od -An "-tu$3" -j "$2" -N "$3" "$1" | tr -d ' '
}

mkdir -p "$target/segments"
[ -d "$drive" ] || { mt -f "$drive" rewind && mt -f "$drive" setblk 0; }
new=$target/segments/new
next_file "$new"
head -c 8192 "$new" >"$target/flowbackup.label"
next_file "$new"
tar -xf "$new" -C "$target"
while next_file "$new"; do
    size=$(wc -c <"$new")
    block=$(field "$new" 116 4)
    ending=part
    # A sealed segment ends with its footer.
    [ "$(field "$new" $((size - block + 12)) 2)" != 19 ] || ending=seg
    name=$(printf '%08d-%04d.%s' "$(field "$new" 40 4)" "$(field "$new" 44 4)" "$ending")
    mv "$new" "$target/segments/$name"
    echo "$name"
done
rm -f "$new"
