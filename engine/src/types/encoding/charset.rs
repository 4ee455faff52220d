//! The characters of the encodings that have one byte for each, as PostgreSQL converts them to and from UTF-8.

use std::sync::OnceLock;

/// An encoding of one byte a character, whose lower half is ASCII.
#[derive(Debug)]
pub(super) struct Charset {
    pub(super) name: &'static str,
    /// What else it is called, in small letters and digits alone.
    pub(super) aliases: &'static [&'static str],
    /// The byte that the first of `high` stands for; what lies between ASCII and it is numbered as in Unicode.
    first: u8,
    /// The upper half's characters; `\0` where there is none.
    high: &'static str,
    table: OnceLock<Table>,
}

#[derive(Debug)]
struct Table {
    characters: [Option<char>; 128],
    /// By character.
    bytes: Vec<(char, u8)>,
}

impl Charset {
    /// The character of a byte above ASCII.
    pub(super) fn character(&self, byte: u8) -> Option<char> {
        self.table().characters[usize::from(byte & 0x7f)]
    }

    /// The byte of a character above ASCII.
    pub(super) fn byte(&self, character: char) -> Option<u8> {
        let bytes = &self.table().bytes;
        bytes.binary_search_by_key(&character, |(known, _)| *known).ok().map(|at| bytes[at].1)
    }

    fn table(&self) -> &Table {
        self.table.get_or_init(|| {
            let numbered = (0x80..self.first).map(|byte| Some(char::from(byte)));
            let listed = self.high.chars().map(|character| Some(character).filter(|character| *character != '\0'));
            let mut characters = [None; 128];
            characters.iter_mut().zip(numbered.chain(listed)).for_each(|(place, character)| *place = character);
            let pairs = (0x80..=u8::MAX).zip(&characters).filter_map(|(byte, character)| Some(((*character)?, byte)));
            let mut bytes = pairs.collect::<Vec<_>>();
            bytes.sort_unstable();
            Table { characters, bytes }
        })
    }
}

/// One whose upper half begins with control characters, as ISO 8859 has it.
const fn iso(name: &'static str, aliases: &'static [&'static str], high: &'static str) -> Charset {
    Charset { name, aliases, first: 0xa0, high, table: OnceLock::new() }
}

const fn whole(name: &'static str, aliases: &'static [&'static str], high: &'static str) -> Charset {
    Charset { name, aliases, first: 0x80, high, table: OnceLock::new() }
}

pub(super) static CHARSETS: [Charset; 27] = [
    iso(
        "LATIN1",
        &["iso88591"],
        "\u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõö÷øù\
         úûüýþÿ",
    ),
    iso(
        "LATIN2",
        &["iso88592"],
        "\u{a0}Ą˘Ł¤ĽŚ§¨ŠŞŤŹ\u{ad}ŽŻ°ą˛ł´ľśˇ¸šşťź˝žżŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢßŕáâăäĺćçčéęëěíîďđńňóôőö÷řů\
         úűüýţ˙",
    ),
    iso(
        "LATIN3",
        &["iso88593"],
        "\u{a0}Ħ˘£¤\0Ĥ§¨İŞĞĴ\u{ad}\0Ż°ħ²³´µĥ·¸ışğĵ½\0żÀÁÂ\0ÄĊĈÇÈÉÊËÌÍÎÏ\0ÑÒÓÔĠÖ×ĜÙÚÛÜŬŜßàáâ\0äċĉçèéêëìíîï\0ñò\
         óôġö÷ĝùúûüŭŝ˙",
    ),
    iso(
        "LATIN4",
        &["iso88594"],
        "\u{a0}ĄĸŖ¤ĨĻ§¨ŠĒĢŦ\u{ad}Ž¯°ą˛ŗ´ĩļˇ¸šēģŧŊžŋĀÁÂÃÄÅÆĮČÉĘËĖÍÎĪĐŅŌĶÔÕÖ×ØŲÚÛÜŨŪßāáâãäåæįčéęëėíîīđņōķôõö÷øų\
         úûüũū˙",
    ),
    iso(
        "LATIN5",
        &["iso88599"],
        "\u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏĞÑÒÓÔÕÖ×ØÙÚÛÜİŞßàáâãäåæçèéêëìíîïğñòóôõö÷øù\
         úûüışÿ",
    ),
    iso(
        "LATIN6",
        &["iso885910"],
        "\u{a0}ĄĒĢĪĨĶ§ĻĐŠŦŽ\u{ad}ŪŊ°ąēģīĩķ·ļđšŧž―ūŋĀÁÂÃÄÅÆĮČÉĘËĖÍÎÏÐŅŌÓÔÕÖŨØŲÚÛÜÝÞßāáâãäåæįčéęëėíîïðņōóôõöũøų\
         úûüýþĸ",
    ),
    iso(
        "LATIN7",
        &["iso885913"],
        "\u{a0}”¢£¤„¦§Ø©Ŗ«¬\u{ad}®Æ°±²³“µ¶·ø¹ŗ»¼½¾æĄĮĀĆÄÅĘĒČÉŹĖĢĶĪĻŠŃŅÓŌÕÖ×ŲŁŚŪÜŻŽßąįāćäåęēčéźėģķīļšńņóōõö÷ųł\
         śūüżž’",
    ),
    iso(
        "LATIN8",
        &["iso885914"],
        "\u{a0}Ḃḃ£ĊċḊ§Ẁ©ẂḋỲ\u{ad}®ŸḞḟĠġṀṁ¶ṖẁṗẃṠỳẄẅṡÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏŴÑÒÓÔÕÖṪØÙÚÛÜÝŶßàáâãäåæçèéêëìíîïŵñòóôõöṫøù\
         úûüýŷÿ",
    ),
    iso(
        "LATIN9",
        &["iso885915"],
        "\u{a0}¡¢£€¥Š§š©ª«¬\u{ad}®¯°±²³Žµ¶·ž¹º»ŒœŸ¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõö÷øù\
         úûüýþÿ",
    ),
    iso(
        "LATIN10",
        &["iso885916"],
        "\u{a0}ĄąŁ€„Š§š©Ș«Ź\u{ad}źŻ°±ČłŽ”¶·žčș»ŒœŸżÀÁÂĂÄĆÆÇÈÉÊËÌÍÎÏĐŃÒÓÔŐÖŚŰÙÚÛÜĘȚßàáâăäćæçèéêëìíîïđńòóôőöśűù\
         úûüęțÿ",
    ),
    iso(
        "ISO_8859_5",
        &[],
        "\u{a0}ЁЂЃЄЅІЇЈЉЊЋЌ\u{ad}ЎЏАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя№ёђѓєѕіїјљ\
         њћќ§ўџ",
    ),
    iso(
        "ISO_8859_6",
        &[],
        "\u{a0}\0\0\0¤\0\0\0\0\0\0\0،\u{ad}\0\0\0\0\0\0\0\0\0\0\0\0\0\u{61b}\0\0\0\u{61f}\0\u{621}\u{622}\
         \u{623}\u{624}\u{625}\u{626}\u{627}\u{628}\u{629}\u{62a}\u{62b}\u{62c}\u{62d}\u{62e}\u{62f}\u{630}\
         \u{631}\u{632}\u{633}\u{634}\u{635}\u{636}\u{637}\u{638}\u{639}\u{63a}\0\0\0\0\0\u{640}\u{641}\
         \u{642}\u{643}\u{644}\u{645}\u{646}\u{647}\u{648}\u{649}\u{64a}\u{64b}\u{64c}\u{64d}\u{64e}\u{64f}\
         \u{650}\u{651}\u{652}\0\0\0\0\0\0\0\0\0\0\0\0\0",
    ),
    iso(
        "ISO_8859_7",
        &[],
        "\u{a0}‘’£€₯¦§¨©ͺ«¬\u{ad}\0―°±²³΄΅Ά·ΈΉΊ»Ό½ΎΏΐΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡ\0ΣΤΥΦΧΨΩΪΫάέήίΰαβγδεζηθικλμνξοπρςστυφχ\
         ψωϊϋόύώ\0",
    ),
    iso(
        "ISO_8859_8",
        &[],
        "\u{a0}\0¢£¤¥¦§¨©×«¬\u{ad}®¯°±²³´µ¶·¸¹÷»¼½¾\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
         \0\0\0‗\u{5d0}\u{5d1}\u{5d2}\u{5d3}\u{5d4}\u{5d5}\u{5d6}\u{5d7}\u{5d8}\u{5d9}\u{5da}\u{5db}\u{5dc}\
         \u{5dd}\u{5de}\u{5df}\u{5e0}\u{5e1}\u{5e2}\u{5e3}\u{5e4}\u{5e5}\u{5e6}\u{5e7}\u{5e8}\u{5e9}\u{5ea}\0\
         \0\u{200e}\u{200f}\0",
    ),
    whole(
        "KOI8R",
        &["koi8"],
        "─│┌┐└┘├┤┬┴┼▀▄█▌▐░▒▓⌠■∙√≈≤≥\u{a0}⌡°²·÷═║╒ё╓╔╕╖╗╘╙╚╛╜╝╞╟╠╡Ё╢╣╤╥╦╧╨╩╪╫╬©юабцдефгхийклмнопярстужвьызшэщч\
         ъЮАБЦДЕФГХИЙКЛМНОПЯРСТУЖВЬЫЗШЭЩЧЪ",
    ),
    whole(
        "KOI8U",
        &[],
        "─│┌┐└┘├┤┬┴┼▀▄█▌▐░▒▓⌠■∙√≈≤≥\u{a0}⌡°²·÷═║╒ёє╔ії╗╘╙╚╛ґ╝╞╟╠╡ЁЄ╣ІЇ╦╧╨╩╪Ґ╬©юабцдефгхийклмнопярстужвьызшэщч\
         ъЮАБЦДЕФГХИЙКЛМНОПЯРСТУЖВЬЫЗШЭЩЧЪ",
    ),
    whole(
        "WIN866",
        &["alt", "windows866"],
        "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмноп░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀рсту\
         фхцчшщъыьэюяЁёЄєЇїЎў°∙·√№¤■\u{a0}",
    ),
    whole(
        "WIN874",
        &["windows874"],
        "€\0\0\0\0…\0\0\0\0\0\0\0\0\0\0\0‘’“”•–—\0\0\0\0\0\0\0\0\u{a0}กขฃคฅฆงจฉชซฌญฎฏฐฑฒณดตถทธนบปผฝพฟภมยรฤลฦว\
         ศษสหฬอฮฯะ\u{e31}าำ\u{e34}\u{e35}\u{e36}\u{e37}\u{e38}\u{e39}\u{e3a}\0\0\0\0฿เแโใไๅๆ\u{e47}\u{e48}\
         \u{e49}\u{e4a}\u{e4b}\u{e4c}\u{e4d}\u{e4e}๏๐๑๒๓๔๕๖๗๘๙๚๛\0\0\0\0",
    ),
    whole(
        "WIN1250",
        &["windows1250"],
        "€\0‚\0„…†‡\0‰Š‹ŚŤŽŹ\0‘’“”•–—\0™š›śťžź\u{a0}ˇ˘Ł¤Ą¦§¨©Ş«¬\u{ad}®Ż°±˛ł´µ¶·¸ąş»Ľ˝ľżŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔ\
         ŐÖ×ŘŮÚŰÜÝŢßŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙",
    ),
    whole(
        "WIN1251",
        &["win", "windows1251"],
        "ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—\0™љ›њќћџ\u{a0}ЎўЈ¤Ґ¦§Ё©Є«¬\u{ad}®Ї°±Ііґµ¶·ё№є»јЅѕїАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШ\
         ЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя",
    ),
    whole(
        "WIN1252",
        &["windows1252"],
        "€\0‚ƒ„…†‡ˆ‰Š‹Œ\0Ž\0\0‘’“”•–—˜™š›œ\0žŸ\u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔ\
         ÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ",
    ),
    whole(
        "WIN1253",
        &["windows1253"],
        "€\0‚ƒ„…†‡\0‰\0‹\0\0\0\0\0‘’“”•–—\0™\0›\0\0\0\0\u{a0}΅Ά£¤¥¦§¨©\0«¬\u{ad}®―°±²³΄µ¶·ΈΉΊ»Ό½ΎΏΐΑΒΓΔΕΖΗΘΙΚ\
         ΛΜΝΞΟΠΡ\0ΣΤΥΦΧΨΩΪΫάέήίΰαβγδεζηθικλμνξοπρςστυφχψωϊϋόύώ\0",
    ),
    whole(
        "WIN1254",
        &["windows1254"],
        "€\0‚ƒ„…†‡ˆ‰Š‹Œ\0\0\0\0‘’“”•–—˜™š›œ\0\0Ÿ\u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏĞÑÒ\
         ÓÔÕÖ×ØÙÚÛÜİŞßàáâãäåæçèéêëìíîïğñòóôõö÷øùúûüışÿ",
    ),
    whole(
        "WIN1255",
        &["windows1255"],
        "€\0‚ƒ„…†‡ˆ‰\0‹\0\0\0\0\0‘’“”•–—˜™\0›\0\0\0\0\u{a0}¡¢£₪¥¦§¨©×«¬\u{ad}®¯°±²³´µ¶·¸¹÷»¼½¾¿\u{5b0}\u{5b1}\
         \u{5b2}\u{5b3}\u{5b4}\u{5b5}\u{5b6}\u{5b7}\u{5b8}\u{5b9}\0\u{5bb}\u{5bc}\u{5bd}\u{5be}\u{5bf}\u{5c0}\
         \u{5c1}\u{5c2}\u{5c3}\u{5f0}\u{5f1}\u{5f2}\u{5f3}\u{5f4}\0\0\0\0\0\0\0\u{5d0}\u{5d1}\u{5d2}\u{5d3}\
         \u{5d4}\u{5d5}\u{5d6}\u{5d7}\u{5d8}\u{5d9}\u{5da}\u{5db}\u{5dc}\u{5dd}\u{5de}\u{5df}\u{5e0}\u{5e1}\
         \u{5e2}\u{5e3}\u{5e4}\u{5e5}\u{5e6}\u{5e7}\u{5e8}\u{5e9}\u{5ea}\0\0\u{200e}\u{200f}\0",
    ),
    whole(
        "WIN1256",
        &["windows1256"],
        "€\u{67e}‚ƒ„…†‡ˆ‰\u{679}‹Œ\u{686}\u{698}\u{688}\u{6af}‘’“”•–—\u{6a9}™\u{691}›œ\u{200c}\u{200d}\u{6ba}\
         \u{a0}،¢£¤¥¦§¨©\u{6be}«¬\u{ad}®¯°±²³´µ¶·¸¹\u{61b}»¼½¾\u{61f}\u{6c1}\u{621}\u{622}\u{623}\u{624}\
         \u{625}\u{626}\u{627}\u{628}\u{629}\u{62a}\u{62b}\u{62c}\u{62d}\u{62e}\u{62f}\u{630}\u{631}\u{632}\
         \u{633}\u{634}\u{635}\u{636}×\u{637}\u{638}\u{639}\u{63a}\u{640}\u{641}\u{642}\u{643}à\u{644}â\
         \u{645}\u{646}\u{647}\u{648}çèéêë\u{649}\u{64a}îï\u{64b}\u{64c}\u{64d}\u{64e}ô\u{64f}\u{650}÷\u{651}\
         ù\u{652}ûü\u{200e}\u{200f}\u{6d2}",
    ),
    whole(
        "WIN1257",
        &["windows1257"],
        "€\0‚\0„…†‡\0‰\0‹\0¨ˇ¸\0‘’“”•–—\0™\0›\0¯˛\0\u{a0}\0¢£¤\0¦§Ø©Ŗ«¬\u{ad}®Æ°±²³´µ¶·ø¹ŗ»¼½¾æĄĮĀĆÄÅĘĒČÉŹĖĢĶ\
         ĪĻŠŃŅÓŌÕÖ×ŲŁŚŪÜŻŽßąįāćäåęēčéźėģķīļšńņóōõö÷ųłśūüżž˙",
    ),
    whole(
        "WIN1258",
        &["abc", "tcvn", "tcvn5712", "vscii", "windows1258"],
        "€\0‚ƒ„…†‡ˆ‰\0‹Œ\0\0\0\0‘’“”•–—˜™\0›œ\0\0Ÿ\u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂĂÄÅÆÇÈÉÊË\
         \u{300}ÍÎÏĐÑ\u{309}ÓÔƠÖ×ØÙÚÛÜƯ\u{303}ßàáâăäåæçèéêë\u{301}íîïđñ\u{323}óôơö÷øùúûüư₫ÿ",
    ),
];
